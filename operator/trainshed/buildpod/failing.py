"""Why a build can't go on, in words for the job's condition."""

from __future__ import annotations

from trainshed.registry import additions


class BuildFailed(additions.Refused):
    """The message is a sentence that says what to do. `terminal`: trying again can't help."""

    def __init__(self, reason: str, message: str, *, terminal: bool = True) -> None:
        """Carry the CamelCase reason."""
        super().__init__(message)
        self.reason = reason
        self.terminal = terminal
