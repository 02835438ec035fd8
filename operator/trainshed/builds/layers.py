"""Packs files into a layer: the same files give the same bytes, on any machine."""

from __future__ import annotations

import hashlib
import io
import pathlib
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import zstandard

MEDIA_TYPES = {
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
}
GZIP = 16 + zlib.MAX_WBITS


class Program(bytes):
    """The content of a file that may be executed."""


class Link(bytes):
    """The target of a symbolic link, in place of a file's content."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A packed layer. Digests are `sha256:<hex>`."""

    media_type: str
    digest: str
    """Of the compressed bytes: the blob's name in a registry."""
    diff_id: str
    """Of the tar itself: what two machines must agree on."""
    data: bytes = field(repr=False)
    comment: str = ""
    file: pathlib.Path | None = None
    """Where its bytes are in place of `data`, if they are too many to be held."""
    stored: int = 0
    """So many bytes are there: in `file`, or without one in the repository already."""

    @property
    def size(self) -> int:
        """Return the number of compressed bytes."""
        return self.stored or len(self.data)

    @property
    def elsewhere(self) -> bool:
        """Return whether nothing of its bytes is here: the repository has them."""
        return self.stored > 0 and self.file is None

    def descriptor(self) -> dict[str, object]:
        """Return how a manifest names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


def pack(files: Mapping[str, bytes], *, prefix: str, compression: str, comment: str = "") -> Layer:
    """Return a layer with the files below `prefix`, an absolute path.

    Names are sorted, times 0, owners 0, modes 644 and 755; parents are in it, byte code is not.
    """
    tar = _tar(files, prefix.strip("/"))
    data = _compressed(tar, compression)
    return Layer(
        media_type=MEDIA_TYPES[compression],
        digest=digest(data),
        diff_id=digest(tar),
        data=data,
        comment=comment,
    )


def digest(data: bytes) -> str:
    """Return `sha256:<hex>` of data."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _tar(files: Mapping[str, bytes], prefix: str) -> bytes:
    kept = {
        f"{prefix}/{name}": data
        for name, data in files.items()
        if "__pycache__" not in name.split("/") and not name.endswith(".pyc")
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(folders(kept, prefix)):
            tar.addfile(folder_entry(folder))
        for name in sorted(kept):
            tar.addfile(_entry(name, kept[name]), io.BytesIO(kept[name]))
    return out.getvalue()


def _entry(name: str, data: bytes) -> tarfile.TarInfo:
    if isinstance(data, Link):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, data.decode()
        return entry
    return file_entry(name, size=len(data), program=isinstance(data, Program))


def file_entry(name: str, *, size: int, program: bool) -> tarfile.TarInfo:
    """Return the header of a file."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = 0o755 if program else 0o644, size
    return entry


def folder_entry(name: str) -> tarfile.TarInfo:
    """Return the header of a folder."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def folders(names: Iterable[str], prefix: str) -> set[str]:
    """Return all folders that files are in, and those that `prefix` is in."""
    found = {prefix}
    for name in (*names, f"{prefix}/"):
        parts = name.split("/")[:-1]
        found |= {"/".join(parts[: index + 1]) for index in range(len(parts))}
    return found


def _compressed(tar: bytes, compression: str) -> bytes:
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3).compress(tar)
    # Not gzip.compress: what it says in its header differs between versions of Python.
    return zlib.compress(tar, level=1, wbits=GZIP)
