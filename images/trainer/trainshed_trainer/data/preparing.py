"""Splits, resizes and normalises images. The same numbers on any machine and framework."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer import errors, schema

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True, slots=True)
class Statistics:
    """Mean and standard deviation of each channel, of the training split only."""

    mean: Images
    deviation: Images


@dataclass(frozen=True, slots=True)
class Prepared:
    """Images (n, channels, height, width) and labels (n,), in two splits."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    classes: int
    statistics: Statistics | None


def prepare(images: Images, labels: Labels, asked: schema.Data, *, classes: int) -> Prepared:
    """Return the data as a model is fed with it."""
    train, test = split(labels, share=asked.split.validation, seed=asked.split.seed)
    if asked.preprocess.resize is not None:
        height, width = asked.preprocess.resize
        images = resize(images, height=height, width=width)
    train_images, test_images = images[train], images[test]
    statistics = None
    if asked.preprocess.normalize == "standard":
        statistics = measure(train_images)
        train_images = normalise(train_images, statistics)
        test_images = normalise(test_images, statistics)
    return Prepared(train_images, labels[train], test_images, labels[test], classes, statistics)


def split(labels: Labels, *, share: float, seed: int) -> tuple[Labels, Labels]:
    """Return the indices of training and held-out samples; each class keeps its share."""
    random = np.random.default_rng(seed)
    train: list[Labels] = []
    test: list[Labels] = []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        held = min(len(members) - 1, max(1, round(len(members) * share)))
        test.append(members[:held])
        train.append(members[held:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))


def resize(images: Images, *, height: int, width: int) -> Images:
    """Return the images at another size, bilinear, pixel centres at half positions."""
    if images.shape[2:] == (height, width):
        return images
    rows, columns = _weights(images.shape[2], height), _weights(images.shape[3], width)
    found = np.einsum("nchw,yh,xw->ncyx", images, rows, columns, optimize=True)
    return np.asarray(found, dtype=np.float32)


def _weights(old: int, new: int) -> Images:
    """Return the (new, old) matrix of bilinear weights along one side."""
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, old - 1)
    weights = np.zeros((new, old), dtype=np.float32)
    weights[np.arange(new), low] += (1 - (place - low)).astype(np.float32)
    weights[np.arange(new), high] += (place - low).astype(np.float32)
    return weights


def measure(images: Images) -> Statistics:
    """Return the statistics of images, each channel for itself; shape (channels, 1, 1)."""
    axes = (0, 2, 3)
    mean = images.mean(axis=axes, dtype=np.float64).astype(np.float32)
    deviation = images.std(axis=axes, dtype=np.float64).astype(np.float32)
    return Statistics(mean[:, None, None], np.maximum(deviation, SMALLEST_DEVIATION)[:, None, None])


def normalise(images: Images, statistics: Statistics) -> Images:
    """Return the images with mean 0 and deviation 1 by these statistics."""
    return (images - statistics.mean) / statistics.deviation


def check_batch(size: int, available: int) -> None:
    """Raise DataError where a batch is larger than the training split."""
    if size > available:
        raise errors.DataError(
            f"training.batchSize is {size}, but the training split has {available} samples:"
            f" set batchSize to {available} or less",
            reason="BatchTooLarge",
        )
