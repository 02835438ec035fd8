"""A blob that comes in pieces over the event loop, as a file that a thread reads."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
from collections.abc import AsyncIterator
from typing import IO

import zstandard


class Pieces(io.RawIOBase):
    """Reads pieces in a thread other than the loop's; hashes what goes through."""

    def __init__(self, pieces: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        """Take the pieces of a loop that goes on meanwhile."""
        super().__init__()
        self._pieces = pieces
        self._loop = loop
        self._held = b""
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: object, /) -> int:
        """Fill a part of a buffer; 0 at the end."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._held:
            self._held = self._next()
        taken = self._held[: len(view)]
        view[: len(taken)] = taken
        self._held = self._held[len(taken) :]
        return len(taken)

    def digest(self) -> str:
        """Return `sha256:<hex>` of all bytes, those that nobody has read among them."""
        while self._next():
            pass
        return f"sha256:{self._hash.hexdigest()}"

    def _next(self) -> bytes:
        async def piece() -> bytes:
            return await anext(self._pieces, b"")

        found = asyncio.run_coroutine_threadsafe(piece(), self._loop).result()
        self._hash.update(found)
        return found


def plain(raw: io.RawIOBase, media_type: str) -> IO[bytes]:
    """Return a layer's tar, whatever it is compressed by."""
    buffered = io.BufferedReader(raw, 1 << 20)
    if media_type.endswith("zstd"):
        unpacked = zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True)
        return io.BufferedReader(unpacked, 1 << 20)
    if media_type.endswith("gzip"):
        return gzip.open(buffered)  # type: ignore[return-value]
    return buffered
