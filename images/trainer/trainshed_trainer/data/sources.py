"""What a data set is to all that follows: samples by number, with labels known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer import errors

Pixels = NDArray[np.float32]
Levels = NDArray[np.uint8]
"""As a file of 8 bits has them: 0 to 255."""
Sample = Pixels | Levels
Numbers = NDArray[np.int64]
LARGEST = 255
"""Of all levels."""
MOST_CLASSES = 100_000


class Source(Protocol):
    """A data set of n samples; what it gives for a number never changes. Used by many threads."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes: label 0 first."""

    @property
    def labels(self) -> Numbers:
        """Return the label of each sample (n,), known without decoding any."""

    @property
    def groups(self) -> Numbers | None:
        """Return the group of each sample (n,): a split never divides one. None: each its own."""

    def title(self, number: int) -> str:
        """Return what a person calls a sample: a file's name, say."""

    def load(self, number: int) -> Sample:
        """Return a sample (C, H, W), or a clip (T, C, H, W); raises corrupt.Corrupt."""


def unit(sample: Sample) -> Pixels:
    """Return a sample's 32-bit numbers: a level is 0 to 1."""
    if sample.dtype == np.float32:
        return np.asarray(sample, dtype=np.float32)
    pixels: Pixels = np.divide(sample, np.float32(LARGEST), dtype=np.float32)
    return pixels


def by_number(labels: Numbers, *, where: str) -> tuple[str, ...]:
    """Return the classes of numeric labels, which must be 0, 1, 2, … with none left out."""
    if len(labels) and (labels.min() < 0 or labels.max() >= MOST_CLASSES):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise out_of_range(int(wrong), f"0 to {MOST_CLASSES - 1}", where=where)
    counts = np.bincount(labels)
    if not counts.all():
        missing = int(np.argmin(counts))
        raise errors.DataError(
            f"the labels in {where} go up to {len(counts) - 1}, but none is {missing}:"
            " number the classes from 0 without gaps",
            reason="LabelsOutOfRange",
        )
    return tuple(map(str, range(len(counts))))


def out_of_range(label: int, allowed: str, *, where: str) -> errors.DataError:
    """Return the error for a label that no class has."""
    return errors.DataError(
        f"{where} has the label {label}, which is not {allowed}: mend the labels",
        reason="LabelsOutOfRange",
    )


def checked(source: Source, *, where: str) -> Source:
    """Return the source, if a model can learn from it: samples, and of two classes at least."""
    if len(source.labels) == 0:
        raise errors.DataError(
            f"{where} holds no samples: see that it is the right place, and what it should hold",
            reason="NoSamples",
        )
    tell_apart(source.labels, source.classes, where=where)
    return source


def tell_apart(labels: Numbers, classes: Sequence[str], *, where: str) -> None:
    """Raise DataError where all labels are the same, whatever other classes have names."""
    first = int(labels[0])
    if (labels == first).all():
        raise errors.DataError(
            f"{where} has one class only, {classes[first]!r:.100}: there is nothing to tell"
            " apart; add samples of another class",
            reason="OneClass",
        )
