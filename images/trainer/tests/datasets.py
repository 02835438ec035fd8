"""Small data sets for tests of training: one that can be learnt, as images and as clips."""

from __future__ import annotations

import numpy as np

from trainshed_trainer.training import arrays


def images(
    *, samples: int = 96, classes: int = 4, side: int = 8, depth: int = 1
) -> arrays.ArrayData:
    """Return images (depth, side, side) of a noisy texture each: it is the class, at any place."""
    random = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.int64) % classes
    textures = random.normal(size=(classes, depth, 3, 3)).astype(np.float32)
    tiled = np.tile(textures, (1, 1, side // 3 + 2, side // 3 + 2))
    inputs = random.normal(size=(samples, depth, side, side)).astype(np.float32) * 0.2
    for number, (row, column) in enumerate(random.integers(0, 3, size=(samples, 2))):
        inputs[number] += tiled[labels[number], :, row : row + side, column : column + side]
    return _split(inputs, labels, classes)


def clips(*, samples: int = 96, frames: int = 5, side: int = 8, depth: int = 1) -> arrays.ArrayData:
    """Return clips (frames, depth, side, side) of a noisy row that moves down or up."""
    random = np.random.default_rng(0)
    labels = np.arange(samples, dtype=np.int64) % 2
    inputs = random.normal(size=(samples, frames, depth, side, side)).astype(np.float32) * 0.3
    for number, label in enumerate(labels):
        for frame in range(frames):
            row = frame if label == 0 else frames - 1 - frame
            inputs[number, frame, :, row] += 1.0
    return _split(inputs, labels, 2)


def _split(inputs: np.ndarray, labels: np.ndarray, classes: int) -> arrays.ArrayData:
    held = len(labels) // 4
    return arrays.ArrayData(
        arrays.ArraySplit(inputs[held:], labels[held:]),
        arrays.ArraySplit(inputs[:held], labels[:held]),
        tuple(str(number) for number in range(classes)),
    )
