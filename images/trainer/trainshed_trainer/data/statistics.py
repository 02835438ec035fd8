"""Mean and deviation of each channel, summed sample by sample: no set is too large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer.data import axes, sources

Pixels = sources.Pixels
SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and standard deviation of each channel (C, 1, 1), of the training split only."""

    mean: Pixels
    deviation: Pixels

    def normalise_in_place(self, pixels: Pixels) -> None:
        """Give pixels (…, C, H, W) mean 0 and deviation 1."""
        pixels -= self.mean
        pixels /= self.deviation

    def to_dict(self) -> dict[str, list[float]]:
        """Return what a file can hold: one number a channel."""
        return {"mean": self.mean.ravel().tolist(), "deviation": self.deviation.ravel().tolist()}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Sequence[float]]) -> Statistics:
        """Return the statistics that `to_dict` wrote, bit for bit."""
        return cls(*(_column(kept[name]) for name in ("mean", "deviation")))


def measure(samples: Iterable[sources.Sample]) -> Statistics:
    """Return the statistics of samples (…, C, H, W), in one pass and exact to double precision."""
    count, mean, squares = 0.0, np.zeros(1), np.zeros(1)
    for sample in map(sources.unit, samples):
        rows, depth = axes.rows(sample), sample.shape[-3]
        size = sample.size / depth
        own = _channels(rows.sum(axis=0, dtype=np.float64), depth) / size
        spread = _channels(np.square(rows - np.tile(own, sample.shape[-1])).sum(axis=0), depth)
        # Chan's formula: no difference of large sums, which would lose what pixels differ by.
        away, count = own - mean, count + size
        squares = squares + spread + away**2 * size * (count - size) / count
        mean = mean + away * size / count
    deviation = np.maximum(np.sqrt(squares / max(count, 1.0)), SMALLEST_DEVIATION)
    return Statistics(_column(mean), _column(deviation))


def _channels(row: NDArray[np.float64], depth: int) -> NDArray[np.float64]:
    """Return the sums of each channel over a row of sums."""
    found: NDArray[np.float64] = row.reshape(-1, depth).sum(axis=0)
    return found


def _column(values: Sequence[float] | NDArray[np.float64]) -> Pixels:
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)
