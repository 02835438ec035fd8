"""What ends a command: one sentence that says what to do, and an exit code."""

from __future__ import annotations

UNUSABLE = 2
"""What was given can't be used: a file, an option, a spec."""


class Refused(Exception):
    """The message is for a person; there may be one a line."""

    def __init__(self, *sentences: str, code: int = UNUSABLE) -> None:
        """Carry what to print and how to exit."""
        super().__init__("\n".join(sentences))
        self.code = code
