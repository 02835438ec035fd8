"""Passes a process's output through and remembers its end."""

from __future__ import annotations

import threading
from typing import BinaryIO

LIMIT = 2048


class Tail:
    """The last bytes of a stream, which are copied on as they come."""

    def __init__(self, source: BinaryIO, target: BinaryIO, *, limit: int = LIMIT) -> None:
        """Copy from `source` to `target` on a thread of its own."""
        self._source = source
        self._target = target
        self._limit = limit
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._copy, name="trainshed-tail", daemon=True)
        self._thread.start()

    def text(self, *, wait: float) -> str:
        """Return the end of the stream, once it has ended or `wait` seconds have gone by.

        A grandchild may hold the stream open long after the process has ended.
        """
        self._thread.join(timeout=wait)
        return bytes(self._kept).decode("utf-8", "replace")

    def _copy(self) -> None:
        while piece := self._source.read1(65536):  # type: ignore[attr-defined]
            self._target.write(piece)
            self._target.flush()
            self._kept += piece
            del self._kept[: -self._limit]
