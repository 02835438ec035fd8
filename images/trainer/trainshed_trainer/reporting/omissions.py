"""Tells in a run's account how many samples could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainshed_trainer import run
from trainshed_trainer.data import corrupt


@dataclass(frozen=True, slots=True)
class Omissions:
    """An observer: of a large set the count is known only at the end."""

    tally: corrupt.Tally

    def stepping(self, telling: run.Run) -> None:
        """Nothing to do."""

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Nothing to do."""

    def finished(self, telling: run.Run) -> None:
        """Put the count into the account, where there is something to count."""
        if self.tally.count:
            telling.record(corruptSamples=self.tally.count)
