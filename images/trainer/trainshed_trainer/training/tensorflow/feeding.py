"""Batches on the device: cut from tensors that lie there, or made while the device works."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainshed_trainer.data import pipelines
from trainshed_trainer.training import backends, ranks

Tensor = Any


@dataclass(frozen=True, slots=True)
class Batch:
    """What `fetch` makes inputs and labels of; `samples`: of this step in all processes."""

    tensors: tuple[Tensor, ...]
    samples: int


class Feed(Protocol):
    """Makes batches of sample numbers."""

    @property
    def signature(self) -> tuple[tf.TensorSpec, ...]:
        """What `Batch.tensors` are, for any number of samples."""

    def batches(self, portions: list[ranks.Portion], *, epoch: int) -> Generator[Batch, None, None]:
        """Yield a batch for each portion."""

    def fetch(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs, channels last, and labels; part of a graph."""


class Resident:
    """All samples lie on the device."""

    signature = (tf.TensorSpec((None,), tf.int64),)

    def __init__(self, inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        self._inputs = tf.constant(np.moveaxis(inputs, -3, -1))
        self._labels = tf.constant(labels)

    def batches(self, portions: list[ranks.Portion], *, epoch: int) -> Generator[Batch, None, None]:
        """Yield a batch for each portion."""
        for portion in portions:
            yield Batch((tf.constant(portion.numbers),), portion.samples)

    def fetch(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the samples of these numbers."""
        (numbers,) = tensors
        return tf.gather(self._inputs, numbers), tf.gather(self._labels, numbers)


class Streamed:
    """Samples are decoded while the device works on those before; only the last batch is less."""

    def __init__(self, split: backends.Split) -> None:
        self._split = split
        *others, depth, height, width = split.shape
        self.signature = (
            tf.TensorSpec((None, *others, height, width, depth), tf.float32),
            tf.TensorSpec((None,), tf.int64),
        )

    def batches(self, portions: list[ranks.Portion], *, epoch: int) -> Generator[Batch, None, None]:
        """Yield a batch for each portion."""
        if not portions:
            return
        order = np.concatenate([each.numbers for each in portions])
        size = len(portions[0].numbers)
        found = pipelines.batches(self._split, order, size=size, epoch=epoch)
        with contextlib.closing(found):
            for (inputs, labels), portion in zip(found, portions, strict=True):
                last = np.moveaxis(inputs, -3, -1)  # as it lies in memory
                yield Batch((tf.constant(last), tf.constant(labels)), portion.samples)

    def fetch(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the samples, channels last."""
        inputs, labels = tensors
        return inputs, labels


def feed(split: backends.Split) -> Feed:
    """Return the fastest feed that a split allows."""
    inputs = split.whole()
    return Streamed(split) if inputs is None else Resident(inputs, split.labels)
