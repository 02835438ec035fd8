"""Packs files of a folder into a layer that is kept in a file: it may be larger than memory."""

from __future__ import annotations

import hashlib
import io
import pathlib
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from typing import IO, Any, Protocol

import zstandard

from trainshed.builds import layers

_PIECE = 1 << 20
THREADS = 2
"""Of zstd: however many there are, the bytes are the same. With none they are others."""


class _Sink(Protocol):
    def write(self, data: bytes, /) -> Any:
        """Take bytes."""


class _Hashing(io.RawIOBase):
    """Hashes and counts what is written through it."""

    def __init__(self, to: _Sink) -> None:
        super().__init__()
        self._to = to
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Return that it can be written."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self.size

    def write(self, data: Any, /) -> int:
        """Pass bytes on."""
        self._hash.update(data)
        self.size += len(data)
        self._to.write(data)
        return len(data)

    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


class _Gzip:
    """As `layers` compresses, in pieces."""

    def __init__(self, to: _Sink) -> None:
        self._to = to
        self._zlib = zlib.compressobj(level=1, wbits=layers.GZIP)

    def write(self, data: bytes) -> None:
        self._to.write(self._zlib.compress(data))

    def close(self) -> None:
        self._to.write(self._zlib.flush())


def pack(
    folder: pathlib.Path,
    names: Iterable[str],
    *,
    prefix: str,
    compression: str,
    out: pathlib.Path,
    comment: str = "",
    extra: Mapping[str, bytes] | None = None,
) -> layers.Layer:
    """Write a layer with files of a folder below `prefix`, an absolute path, into `out`.

    As `layers.pack`: sorted, no times, no owners, and the same bytes on any machine. `extra`: small
    files beside them by their absolute paths, whose folders the base has, or this layer.
    """
    below = prefix.strip("/")
    with out.open("wb") as file:
        compressed = _Hashing(file)
        compressor = _compressor(compressed, compression)
        plain = _Hashing(compressor)
        _write(plain, folder, sorted(names), below, extra or {})
        compressor.close()
    return layers.Layer(
        media_type=layers.MEDIA_TYPES[compression],
        digest=compressed.digest(),
        diff_id=plain.digest(),
        data=b"",
        comment=comment,
        file=out,
        stored=compressed.size,
    )


def _compressor(to: _Sink, compression: str) -> Any:
    if compression == "zstd":
        packer = zstandard.ZstdCompressor(level=3, threads=THREADS)
        return packer.stream_writer(to, closefd=False)  # type: ignore[arg-type]
    return _Gzip(to)


def _write(
    to: _Hashing,
    folder: pathlib.Path,
    names: list[str],
    below: str,
    extra: Mapping[str, bytes],
) -> None:
    # Not the module's own stream, which copies its whole buffer for each small file.
    with (
        io.BufferedWriter(to, _PIECE) as buffered,
        tarfile.TarFile(
            fileobj=buffered, mode="w", format=tarfile.PAX_FORMAT, copybufsize=_PIECE
        ) as tar,
    ):
        for each in sorted(layers.folders([f"{below}/{name}" for name in names], below)):
            tar.addfile(layers.folder_entry(each))
        for name in names:
            path = folder / name
            found = path.stat()
            program = found.st_mode & 0o100 != 0
            entry = layers.file_entry(f"{below}/{name}", size=found.st_size, program=program)
            with path.open("rb") as content:
                tar.addfile(entry, content)
        for name, data in sorted(extra.items()):
            _add(tar, name.strip("/"), data)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    content: IO[bytes] = io.BytesIO(data)
    tar.addfile(layers.file_entry(name, size=len(data), program=False), content)
