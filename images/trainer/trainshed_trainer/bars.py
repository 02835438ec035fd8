"""What a person sees of a run outside a cluster: one line that is written again in place."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 24
TERMINAL_GAP = 0.1
LOG_GAP = 10.0


class Bar:
    """Draws at most ten times a second on a terminal, and a line each ten seconds elsewhere."""

    def __init__(
        self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._next = 0.0

    def update(self, text: Callable[[], str], share: float | None, *, last: bool = False) -> None:
        """Show a text, and how much is done where that is known.

        The text is asked for only when it is shown: the loss in it may have to be waited for.
        """
        now = self._clock()
        if now < self._next and not last:
            return
        self._next = now + (TERMINAL_GAP if self._terminal else LOG_GAP)
        line = f"{drawn(share)}{text()}"
        if self._terminal:
            # A line that wraps can't be written again in place.
            line = f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}"
        try:
            self._stream.write(f"{line}\n" if last or not self._terminal else line)
            self._stream.flush()
        except (OSError, ValueError):
            self._next = float("inf")  # nobody looks any more; the training goes on


def drawn(share: float | None) -> str:
    """Return a bar of a share, 0 to 1; nothing where none is known."""
    if share is None:
        return ""
    share = min(1.0, max(0.0, share))
    full = round(share * WIDTH)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {share * 100:3.0f} %  "
