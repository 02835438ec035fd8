"""One division of a data set: first as it is read, then as a model is fed with it."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainshed_trainer import errors
from trainshed_trainer.data import augmenting, axes, batching, reading, sources, statistics

TOGETHER = 16
"""So many samples go through a stage before the next: its code stays in the CPU's cache."""


@dataclass(frozen=True, slots=True)
class Split:
    """Samples by their position, 0 to n - 1; used by many threads."""

    labels: sources.Numbers
    """(n,), each below the number of classes."""
    shape: tuple[int, ...]
    """(C, H, W) of an image, (T, C, H, W) of a clip."""
    _numbers: sources.Numbers
    _reader: reading.Reader
    _seed: int
    _augment: tuple[str, ...] = ()
    _statistics: statistics.Statistics | None = None
    _kept: sources.Pixels | None = None
    """All samples, normalised unless they are augmented; None where they are not kept."""

    def whole(self) -> sources.Pixels | None:
        """Return all inputs (n, *shape), channels last in memory, not to be written to.

        None where the split is augmented, or too large for the memory.
        """
        return None if self._augment else self._kept

    def batch(self, numbers: sources.Numbers, *, epoch: int) -> sources.Pixels:
        """Return the inputs at these positions (k, *shape), augmented for the epoch.

        Channels are last in memory.
        """
        if self._kept is not None and not self._augment:
            return axes.first(axes.last(self._kept)[numbers])
        pixels = axes.empty(len(numbers), self.shape)
        writer = batching.writer(self._statistics, width=self.shape[-1])
        for at in range(0, len(numbers), TOGETHER):
            found = self._changed(numbers[at : at + TOGETHER].tolist(), epoch)
            for room, sample in zip(pixels[at:], found, strict=False):
                writer.write(sample, room)
        return pixels

    def _changed(self, positions: list[int], epoch: int) -> list[sources.Sample]:
        """Return samples, augmented for the epoch."""
        kept = self._kept
        found = [self._sample(each) if kept is None else kept[each] for each in positions]
        if not self._augment:
            return found
        return [
            augmenting.augment(sample, self._augment, seed=(self._seed, epoch, position))
            for sample, position in zip(found, positions, strict=True)
        ]

    def _sample(self, position: int) -> sources.Sample:
        """Return a sample, or where it can't be read the next of its class that can."""
        found = self._reader.attempt(int(self._numbers[position]))
        if found is not None:
            return found
        alike = np.flatnonzero(self.labels == self.labels[position])
        for other in np.roll(alike, -int(np.searchsorted(alike, position)))[1:]:
            found = self._reader.attempt(int(self._numbers[other]))
            if found is not None:
                return found
        raise _unreadable(f"no sample of class {self._reader.named(self.labels[position])}")


def part(reader: reading.Reader, numbers: sources.Numbers, *, seed: int) -> Split:
    """Return a division of a set, of which nothing is read yet."""
    return Split(reader.source.labels[numbers], reader.shape, numbers, reader, seed)


def sampled(split: Split, *, most_bytes: int) -> Iterator[sources.Sample]:
    """Yield as many samples as make up so many bytes, drawn by the seed."""
    most = max(1, most_bytes // (4 * math.prod(split.shape)))
    drawn = np.random.default_rng(split._seed).permutation(split._numbers)[:most]
    return (found for found in split._reader.each(np.sort(drawn)) if found is not None)


class Sweep:
    """Reads all of a division once, keeps it where asked, and leaves out what can't be read."""

    def __init__(self, split: Split, *, keep: bool) -> None:
        self._split = split
        self._begun = False
        self._sound = np.zeros(len(split.labels), dtype=bool)
        self._kept = axes.empty(len(split.labels), split.shape) if keep else None

    def __iter__(self) -> Iterator[sources.Sample]:
        """Yield the samples that can be read, in order."""
        self._begun = True
        for position, found in enumerate(self._split._reader.each(self._split._numbers)):
            if found is not None:
                self._sound[position] = True
                if self._kept is not None:
                    self._kept[position] = sources.unit(found)
                yield found

    def result(self) -> Split:
        """Return the division of what can be read; reads it, if nobody has."""
        if not self._begun:
            collections.deque(self, maxlen=0)
        if not self._sound.any():
            raise _unreadable("no sample of a split")
        if self._sound.all():
            return dataclasses.replace(self._split, _kept=self._kept)
        kept = None
        if self._kept is not None:
            kept = axes.first(axes.last(self._kept)[self._sound])
        return dataclasses.replace(
            self._split,
            labels=self._split.labels[self._sound],
            _numbers=self._split._numbers[self._sound],
            _kept=kept,
        )


def finished(
    split: Split, found: statistics.Statistics | None, *, augment: tuple[str, ...] = ()
) -> Split:
    """Return the split as a model is fed with it."""
    if split._kept is not None and not augment:
        batching.writer(found, width=split.shape[-1]).normalise_in_place(split._kept)
    return dataclasses.replace(split, _augment=augment, _statistics=found)


def _unreadable(what: str) -> errors.DataError:
    return errors.DataError(
        f"{what} can be read: mend the data, see the lines above", reason="TooManyCorrupt"
    )
