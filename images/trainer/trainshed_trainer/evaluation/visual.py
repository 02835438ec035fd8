"""What a person looks at: sample predictions, the confusion matrix, what the model looked at."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer.evaluation import lenses
from trainshed_trainer.training import backends

MOST_SAMPLES = 10_000
"""Held-out samples that are predicted."""
BATCH = 256
"""Samples that are looked at together, where there is memory for them."""
SHOWN = 12
SHOWN_WRONG = 6
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sample:
    """One held-out sample (*shape), normalised, with what speaks for the class that was said.

    `attention` (rows, columns): the share that each place has, in a model that attends.
    """

    number: int
    inputs: Array
    saliency: Array
    label: int
    said: int
    probability: float
    attention: Array | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """`confusion` (classes, classes): samples by their class (row) and by what was said."""

    confusion: NDArray[np.int64]
    samples: tuple[Sample, ...]


def look(lens: lenses.Lens, held: backends.Split, *, classes: int) -> Seen:
    """Return what the model says of held-out samples."""
    count = min(MOST_SAMPLES, len(held.labels))
    labels = held.labels[:count]
    at_once = backends.at_once(held.shape, most=BATCH)
    parts = _parts(np.arange(count), at_once)
    found = np.concatenate([lens.probabilities(held.batch(part, epoch=0)) for part in parts])
    said = found.argmax(axis=1)
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (labels, said), 1)
    numbers = chosen(labels, said, found.max(axis=1))
    shown = (_samples(lens, held, part, found) for part in _parts(numbers, at_once))
    return Seen(confusion, tuple(itertools.chain.from_iterable(shown)))


def _parts(numbers: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return np.split(numbers, range(size, len(numbers), size))


def _samples(
    lens: lenses.Lens, held: backends.Split, numbers: NDArray[np.int64], found: Array
) -> list[Sample]:
    """Return some samples; `found`: the probabilities of all."""
    inputs, said = held.batch(numbers, epoch=0), found[numbers].argmax(axis=1)
    saliency, attention = lens.saliency(inputs, said), lens.attention(inputs)
    return [
        Sample(
            number=int(number),
            inputs=inputs[at],
            saliency=saliency[at],
            label=int(held.labels[number]),
            said=int(said[at]),
            probability=float(found[number, said[at]]),
            attention=None if attention is None else attention[at],
        )
        for at, number in enumerate(numbers)
    ]


def chosen(
    labels: NDArray[np.int64], said: NDArray[np.int64], sure: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Return the numbers of samples to show: the surest mistakes, then right ones of each class."""
    wrong = np.flatnonzero(labels != said)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    right = np.flatnonzero(labels == said)
    # The first of each class, then the second of each, and so on.
    turns = np.zeros(len(right), dtype=np.int64)
    for label in np.unique(labels[right]):
        own = labels[right] == label
        turns[own] = np.arange(own.sum())
    right = right[np.lexsort((labels[right], turns))]
    right = right[: SHOWN - min(len(wrong), SHOWN_WRONG)]
    return np.concatenate([wrong[: SHOWN - len(right)], right])
