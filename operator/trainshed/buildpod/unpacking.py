"""Takes files out of hostile archives, into memory: nothing of them touches the file system."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Sequence
from typing import BinaryIO, cast

import zstandard

from trainshed.api import reasons
from trainshed.buildpod import failing, trees
from trainshed.builds import layers, links

Reason = reasons.Reason

ENTRIES = 100_000
"""Names that archives may have together."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_WHITEOUT = ".wh."
_TARGET = 4096
"""The longest target of a link that the kernel takes."""
_BROKEN = (
    tarfile.TarError,
    zstandard.ZstdError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RecursionError,
)
"""What readers of archives raise for bytes that are none."""


def room(limit: int) -> int:
    """Return how many bytes may be fetched, or unpacked, for files of `limit` bytes together.

    What is ignored must be passed over too, as in a clone, and a tar fills up its blocks.
    """
    return max(4 * limit, 1 << 20)


class Tree:
    """Files as the layers of an artifact put them, one over the other."""

    def __init__(self, *, ignore: Sequence[str], limit: int) -> None:
        """`limit`: bytes that the files which are kept may have together."""
        self._hidden = trees.left_out(ignore)
        self._limit = limit
        self._room = room(limit)
        self._entries = 0
        self._total = 0
        self._sizes: dict[str, int] = {}
        self._files: dict[str, bytes] = {}

    def put(self, name: str, size: int, read: Callable[[], bytes]) -> None:
        """Keep a file, unless it is ignored; its content only while there is room for it."""
        if any(part.startswith(_WHITEOUT) for part in name.split("/")):
            raise failing.BuildFailed(
                Reason.SOURCE_INVALID,
                f"{name[:100]!a} deletes a file of a lower layer, which is not taken: push the"
                " files as one layer",
            )
        if self._is_hidden(name):
            return
        self._total += size - self._sizes.get(name, 0)
        self._sizes[name] = size
        # Of the others only the sizes are wanted: to name the largest.
        self._files[name] = read() if self._total <= self._limit else b""

    def unpack(self, file: BinaryIO) -> None:
        """Put the files of a tar, which may be compressed; raises BuildFailed."""
        try:
            counted = cast("BinaryIO", _Counted(_opened(file), self._take))
            with tarfile.open(fileobj=counted, mode="r|") as tar:
                for member in tar:
                    self._member(tar, member)
        except _BROKEN as error:
            what = type(error).__name__
            raise failing.BuildFailed(
                Reason.SOURCE_INVALID,
                f"a layer of the artifact is no tar that can be read ({what}): push it anew",
            ) from error

    def files(self) -> dict[str, bytes]:
        """Return what was put; raises BuildFailed for what must not be packed."""
        trees.check_size(self._sizes, self._limit)
        if not self._files:
            raise failing.BuildFailed(
                Reason.SOURCE_INVALID,
                "the artifact holds no files, or source.ignore leaves all of them out",
            )
        unread = next((each for each in self._files if self._is_unread(each)), None)
        if unread is not None:
            raise failing.BuildFailed(
                Reason.SOURCE_TOO_LARGE,
                f"the artifact's layers have more than {self._limit} bytes of files before"
                f" {unread[:100]!a}: push the files as one layer, or raise source.maxBytes",
            )
        trees.check(self._files, self._limit)
        targets = links.of(self._files, layers.Link)
        for name, target in targets.items():
            if links.resolve(name, targets) is None:
                raise trees.leads_out(name, target)
        return self._files

    def _member(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self._entries += 1
        if self._entries > ENTRIES:
            raise failing.BuildFailed(
                Reason.SOURCE_TOO_LARGE,
                f"the artifact has more than {ENTRIES} files and folders: pack them into archives",
            )
        name = member.name.removeprefix("./")
        if member.isdir():
            return
        if member.size > self._room:
            raise self._too_much()
        if member.issym():
            target = member.linkname.encode()[:_TARGET]
            self.put(name, len(target), lambda: layers.Link(target))
        elif member.islnk():
            self._same(name, member.linkname.removeprefix("./"))
        elif member.isreg() and not member.issparse():
            self.put(name, member.size, lambda: _content(tar, member))
        else:
            raise failing.BuildFailed(
                Reason.SOURCE_INVALID,
                f"{name[:100]!a} is no plain file, folder or link: leave devices, pipes and sparse"
                " files out of the artifact",
            )

    def _same(self, name: str, other: str) -> None:
        """Put a hard link, as the file that it is."""
        data = self._files.get(other)
        if data is None:
            raise failing.BuildFailed(
                Reason.SOURCE_INVALID,
                f"{name[:100]!a} is a hard link to {other[:100]!a}, which is not before it in the"
                " artifact: push the file itself",
            )
        self.put(name, self._sizes[other], lambda: data)

    def _is_unread(self, name: str) -> bool:
        return len(self._files[name]) != self._sizes[name]

    def _is_hidden(self, name: str) -> bool:
        parts = name.split("/")
        folders = ("/".join(parts[: index + 1]) + "/" for index in range(len(parts) - 1))
        return any(map(self._hidden.match_file, (*folders, name)))

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise self._too_much()

    def _too_much(self) -> failing.BuildFailed:
        return failing.BuildFailed(
            Reason.SOURCE_TOO_LARGE,
            f"the artifact unpacks to more than {room(self._limit)} bytes, 4 times"
            " source.maxBytes: make it smaller, or raise source.maxBytes",
        )


class _Counted(io.RawIOBase):
    """Reads on, and tells how much it was: what a few bytes unpack to is known only then."""

    def __init__(self, inner: BinaryIO, take: Callable[[int], None]) -> None:
        self._inner = inner
        self._take = take

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(size)
        self._take(len(data))
        return data


def _opened(file: BinaryIO) -> BinaryIO:
    """Return a stream of the tar itself: its first bytes tell how it is compressed."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(_GZIP):
        return cast("BinaryIO", gzip.GzipFile(fileobj=file))
    if head == _ZSTD:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return cast("BinaryIO", reader)
    return file


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = tar.extractfile(member)
    assert found is not None
    data = found.read()
    return layers.Program(data) if member.mode & 0o100 else data
