"""Passes a process's output through and remembers its end."""

from __future__ import annotations

import threading
from typing import IO, Protocol

LIMIT = 16 * 1024
"""Bytes kept: a deep traceback is longer than what an account tells of it."""
PIECE = 64 * 1024


class Sink(Protocol):
    """Where output is passed on to; without a buffer it may take less than it is given."""

    def write(self, data: memoryview, /) -> int | None: ...

    def flush(self) -> object: ...


class Tail:
    """The last bytes of a stream, which are copied on as they come."""

    def __init__(self, source: IO[bytes], target: Sink, *, limit: int = LIMIT) -> None:
        """Copy from `source` to `target` on a thread of its own. `limit`: bytes kept."""
        self._source = source
        self._target = target
        self._limit = limit
        self._kept = b""
        self._thread = threading.Thread(target=self._copy, name="trainshed-tail", daemon=True)
        self._thread.start()

    def text(self, *, wait: float) -> str:
        """Return the end of the stream, once it has ended or `wait` seconds have gone by.

        A grandchild may hold the stream open long after the process has ended.
        """
        self._thread.join(timeout=wait)
        return self._kept.decode("utf-8", "replace")

    def _copy(self) -> None:
        heard = True
        with self._source:
            while piece := self._source.read1(PIECE):  # type: ignore[attr-defined]
                self._kept = (self._kept + piece)[-self._limit :]
                # Whoever reads our output may be gone: the process must not stall for that.
                heard = heard and self._passed_on(piece)

    def _passed_on(self, piece: bytes) -> bool:
        left = memoryview(piece)
        try:
            while left:
                left = left[self._target.write(left) or len(left) :]
            self._target.flush()
        except (OSError, ValueError):
            return False
        return True
