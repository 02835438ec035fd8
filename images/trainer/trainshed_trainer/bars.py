"""What a person sees of a run outside a cluster: one line that is written again in place."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 24
TERMINAL_GAP = 0.1
LOG_GAP = 10.0


class Bar:
    """Draws at most ten times a second on a terminal, and a line each ten seconds elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._next = 0.0
        self._drawn = False

    def update(self, text: str, share: float | None, *, last: bool = False) -> None:
        """Show a text, and how much is done where that is known."""
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + (TERMINAL_GAP if self._terminal else LOG_GAP)
        line = f"{drawn(share)}{text}"
        self._stream.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        self._drawn = True
        if last and self._terminal:
            self._stream.write("\n")
        self._stream.flush()


def drawn(share: float | None) -> str:
    """Return a bar of a share, 0 to 1; nothing where none is known."""
    if share is None:
        return ""
    full = round(min(1.0, max(0.0, share)) * WIDTH)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {share * 100:3.0f} %  "
