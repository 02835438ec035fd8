"""What watches a run: the loop calls it and knows no more of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trainshed_trainer import run


class Observer(Protocol):
    """Told of a run as it goes on. All processes of a job have the same ones."""

    def stepping(self, telling: run.Run) -> None:
        """Called before each step and at an epoch's end; `telling.step`: how many are done."""

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Called after each epoch with accuracy and loss on the held-out split."""

    def finished(self, telling: run.Run) -> None:
        """Called once after the last step, unless the run was told to stop before."""
