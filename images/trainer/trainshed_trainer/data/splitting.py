"""Which samples are trained on and which are held out. Pure: it knows labels and groups only."""

from __future__ import annotations

import numpy as np

from trainshed_trainer import errors
from trainshed_trainer.data import sources

Numbers = sources.Numbers


def split(
    labels: Numbers, *, share: float, seed: int, groups: Numbers | None = None
) -> tuple[Numbers, Numbers]:
    """Return the numbers of training and held-out samples; each class keeps its share.

    A group, whose class is that of its first sample, is in one of the two as a whole.
    """
    first, member = _groups(labels, groups)
    held = np.zeros(len(first), dtype=bool)
    random = np.random.default_rng(seed)
    for _, members in _shuffled(labels[first], random):
        held[members[: min(len(members) - 1, max(1, round(len(members) * share)))]] = True
    out = held[member]
    return np.flatnonzero(~out), np.flatnonzero(out)


def folds(
    labels: Numbers, count: int, seed: int, *, groups: Numbers | None = None
) -> list[tuple[Numbers, Numbers]]:
    """Return the numbers of training and held-out samples of each fold.

    Every sample is held out in one fold, and each fold has each class's share of them.
    """
    first, member = _groups(labels, groups)
    fold = np.zeros(len(first), dtype=np.int64)
    random = np.random.default_rng(seed)
    dealt = 0
    for label, members in _shuffled(labels[first], random):
        if len(members) < count:
            raise errors.DataError(
                f"evaluation.crossValidation.folds is {count}, but class {label} has"
                f" {len(members)} samples: set folds to {len(members)} or less, or add samples",
                reason="TooManyFolds",
            )
        # Goes on where the class before ended, so that folds differ by one sample at most.
        fold[members] = (dealt + np.arange(len(members))) % count
        dealt += len(members)
    of = fold[member]
    return [(np.flatnonzero(of != one), np.flatnonzero(of == one)) for one in range(count)]


def _groups(labels: Numbers, groups: Numbers | None) -> tuple[Numbers, Numbers]:
    """Return each group's first sample, and the group of each sample."""
    if groups is None:
        everyone = np.arange(len(labels))
        return everyone, everyone
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    return first, member


def _shuffled(labels: Numbers, random: np.random.Generator) -> list[tuple[int, Numbers]]:
    """Return each class with its members in a random order."""
    return [
        (int(label), random.permutation(np.flatnonzero(labels == label)))
        for label in np.unique(labels)
    ]
