"""Splits, resizes, normalises and augments a data set. The same numbers in any framework.

What can't be read is counted and skipped. All samples of a set of up to `Room.checked` bytes are
read before training, and those are left out; of a larger set a sound sample of the same class and
split stands in for each, whenever it is met. Which of the two is a matter of the set alone, never
of the machine: all ranks see the same samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainshed_trainer import errors, schema
from trainshed_trainer.data import (
    corrupt,
    memory,
    opening,
    reading,
    sources,
    splits,
    splitting,
    statistics,
)

SHARE = 0.25
"""What part of the memory a set may fill: a framework makes its own copy of it."""
READABLE = "what can be read of the training split"


@dataclass(frozen=True, slots=True)
class Room:
    """What is done with sets of which size, in bytes as the 32-bit numbers a model is fed with."""

    kept: int
    """A set of up to so much is kept in memory, if it is checked, too."""
    checked: int = 2**32
    """All samples of a set of up to so much are read before training."""
    measured: int = 2**30
    """So much of a larger set's training split is drawn by the seed and measured."""


@dataclass(frozen=True, slots=True)
class Folds:
    """Cross-validation: the set is cut into `count` parts, and part `number` is held out."""

    count: int
    number: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set as a model is fed with it."""

    train: splits.Split
    held: splits.Split
    classes: tuple[str, ...]
    statistics: statistics.Statistics | None
    folds: Folds | None
    corrupt: corrupt.Tally


def prepare(
    asked: schema.Data, *, folds: Folds | None = None, room: Room | None = None
) -> Prepared:
    """Return the data set in two splits; raises DataError where it can't be used as asked."""
    room = room or Room(kept=int(memory.limit() * SHARE))
    tally = corrupt.Tally(asked.max_corrupt)
    source = opening.source(asked, tally)
    divided = _divided(source, asked.split, folds)
    reader = reading.begin(source, asked.preprocess, tally)
    train, held = (splits.part(reader, part, seed=asked.split.seed) for part in divided)
    measured = asked.preprocess.normalize == "standard"
    size = 4 * math.prod(reader.shape) * len(source.labels)
    found = None
    if size <= room.checked:
        swept = [splits.Sweep(part, keep=size <= room.kept) for part in (train, held)]
        if measured:
            found = statistics.measure(swept[0])
        train, held = (sweep.result() for sweep in swept)
        sources.tell_apart(train.labels, source.classes, where=READABLE)
    elif measured:
        found = statistics.measure(splits.sampled(train, most_bytes=room.measured))
    augment = asked.preprocess.augment
    return Prepared(
        train=splits.finished(train, found, augment=augment),
        held=splits.finished(held, found),
        classes=source.classes,
        statistics=found,
        folds=folds,
        corrupt=tally,
    )


def _divided(
    source: sources.Source, asked: schema.Split, folds: Folds | None
) -> tuple[sources.Numbers, sources.Numbers]:
    """Return the numbers of training and held-out samples."""
    labels, groups = source.labels, source.groups
    if folds is not None:
        every = splitting.folds(labels, folds.count, asked.seed, groups=groups)
        return every[folds.number]
    train, held = splitting.split(labels, share=asked.validation, seed=asked.seed, groups=groups)
    if not len(held):
        raise errors.DataError(
            "no class has two samples, so that one could be held out: add samples",
            reason="NoSamples",
        )
    return train, held
