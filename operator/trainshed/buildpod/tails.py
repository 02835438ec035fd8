"""The last lines of the build's own log, for its last words."""

from __future__ import annotations

import logging

KEPT = 4096


class Tail(logging.Handler):
    """Keeps the end of what is logged. Traces are left out: nobody knows what is in them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Add one record."""
        self.text = f"{self.text}\n{record.getMessage()}"[-KEPT:].strip()
