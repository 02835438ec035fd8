"""Samples written into the room of a batch, as 32-bit numbers that are normalised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainshed_trainer.data import axes, sources, statistics


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes samples of one width. `mean` and `deviation`: of each number in a row of an image."""

    mean: sources.Pixels | None = None
    deviation: sources.Pixels | None = None

    def write(self, sample: sources.Sample, room: sources.Pixels) -> None:
        """Write a sample (…, C, H, W) into room of its shape that `axes.empty` made."""
        rows = axes.rows(room)
        if sample.dtype == np.uint8:
            np.divide(axes.rows(sample), np.float32(sources.LARGEST), out=rows)
        else:
            np.copyto(rows, axes.rows(sample))
        self._normalise(rows)

    def normalise_in_place(self, room: sources.Pixels) -> None:
        """Normalise what has been written without."""
        self._normalise(axes.rows(room))

    def _normalise(self, rows: sources.Pixels) -> None:
        if self.mean is not None and self.deviation is not None:
            rows -= self.mean
            rows /= self.deviation


def writer(found: statistics.Statistics | None, *, width: int) -> Writer:
    """Return what writes samples, normalised where there are statistics."""
    if found is None:
        return Writer()
    return Writer(*(np.tile(each.ravel(), width) for each in (found.mean, found.deviation)))
