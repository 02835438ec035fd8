"""Which frames of a clip are taken, and what is said where it has too few."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed_trainer import errors
from trainshed_trainer.data import corrupt


@dataclass(frozen=True, slots=True)
class Frames:
    """Each `stride`-th frame from the first on, `count` of them; None takes all there are."""

    count: int | None
    stride: int

    @property
    def needed(self) -> int | None:
        """Return how many frames a clip must have; None where any number will do."""
        return None if self.count is None else (self.count - 1) * self.stride + 1

    def of(self, length: int, *, title: str) -> slice:
        """Return the frames to take of a clip; raises DataError where it has too few."""
        if self.needed is not None and length < self.needed:
            raise errors.DataError(
                f"{corrupt.printable(title)} has {length} frames, but {self.count} frames at a"
                f" stride of {self.stride} need {self.needed}: lower data.preprocess.frames or"
                " stride, or remove the short clips",
                reason="ShortClip",
            )
        return slice(0, self.needed or length, self.stride)
