"""Small data sets in memory for tests of training: what can be learnt, as images and as clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer.data import statistics


@dataclass(frozen=True, slots=True)
class ArraySplit:
    """Inputs (n, *shape) and labels (n,) of one split."""

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one input."""
        return self.inputs.shape[1:]

    def whole(self) -> NDArray[np.float32] | None:
        """Return all inputs."""
        return self.inputs

    def batch(self, numbers: NDArray[np.int64], *, epoch: int) -> NDArray[np.float32]:
        """Return the inputs of these numbers."""
        return self.inputs[numbers]


class Streamed(ArraySplit):
    """Samples that are not all held in memory."""

    def whole(self) -> None:
        """Return nothing: they come batch by batch."""
        return None


@dataclass(frozen=True, slots=True)
class ArrayData:
    """Two splits, and the names of their classes."""

    train: ArraySplit
    held: ArraySplit
    classes: tuple[str, ...]
    statistics: statistics.Statistics | None = None

    def streamed(self) -> ArrayData:
        """Return the same data, not held in memory."""
        splits = [Streamed(each.inputs, each.labels) for each in (self.train, self.held)]
        return ArrayData(*splits, self.classes)


def images(*, samples: int = 96, classes: int = 4, side: int = 8, depth: int = 1) -> ArrayData:
    """Return images (depth, side, side) of a noisy texture each: it is the class, at any place."""
    random = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.int64) % classes
    textures = random.normal(size=(classes, depth, 3, 3)).astype(np.float32)
    tiled = np.tile(textures, (1, 1, side // 3 + 2, side // 3 + 2))
    inputs = random.normal(size=(samples, depth, side, side)).astype(np.float32) * 0.2
    for number, (row, column) in enumerate(random.integers(0, 3, size=(samples, 2))):
        inputs[number] += tiled[labels[number], :, row : row + side, column : column + side]
    return _split(inputs, labels, classes)


def clips(*, samples: int = 96, frames: int = 5, side: int = 8, depth: int = 1) -> ArrayData:
    """Return clips (frames, depth, side, side) of a noisy row that moves down or up."""
    random = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.int64) % 2
    inputs = random.normal(size=(samples, frames, depth, side, side)).astype(np.float32) * 0.3
    for number, label in enumerate(labels):
        for frame in range(frames):
            row = frame if label == 0 else frames - 1 - frame
            inputs[number, frame, :, row] += 1.0
    return _split(inputs, labels, 2)


def _split(inputs: np.ndarray, labels: np.ndarray, classes: int) -> ArrayData:
    held = len(labels) // 4
    return ArrayData(
        ArraySplit(inputs[held:], labels[held:]),
        ArraySplit(inputs[:held], labels[:held]),
        tuple(str(number) for number in range(classes)),
    )
