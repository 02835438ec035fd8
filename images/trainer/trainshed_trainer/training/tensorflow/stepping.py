"""One training step, and the evaluation of a batch, each as one graph for any batch size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainshed_trainer.training.tensorflow import (
    feeding,
    losses,
    optimizers,
    processes,
    states,
)

GIVEN = tf.TensorSpec((3,), tf.float32)
"""Rate, samples of all processes, and whether this one was told to stop."""
SUMS = tf.TensorSpec((3,), tf.float64)
Tensor = Any


class Stepper:
    """Takes optimiser steps."""

    def __init__(
        self,
        model: keras.Model,
        updater: optimizers.Updater,
        loss: losses.Loss,
        feed: feeding.Feed,
        among: processes.Processes,
        *,
        compiled: bool,
    ) -> None:
        self.traces = 0
        self._model = model
        self._updater = updater
        self._loss = loss
        self._feed = feed
        self._among = among
        self._learned = [each.value for each in model.trainable_variables]
        self._counted = states.counted(model)
        self._gradients = tf.function(self._traced_gradients, jit_compile=compiled, autograph=False)
        self._graph = tf.function(
            self._traced, input_signature=(GIVEN, *feed.signature), autograph=False
        )
        self._told = False
        self._words: Tensor = None

    def step(self, batch: feeding.Batch, rate: float) -> Tensor:
        """Take one step; return the loss, a mean over the samples of all processes."""
        given = np.array((rate, batch.samples, self._told), np.float32)
        loss, self._words = self._graph(given, *batch.tensors)
        return loss

    def stops(self, told: bool) -> bool:
        """Return whether any process was told to stop before the last step."""
        self._told = told
        return self._words is not None and bool(self._words > 0)

    def _traced(self, given: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        self.traces += 1
        loss, told = self._among.run(self._replica, (given, *tensors))
        return loss, told

    def _replica(self, given: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Take a step in this process; the variables stay the same in all."""
        rate, samples, told = tf.unstack(given)
        inputs, labels = self._feed.fetch(*tensors)
        loss, gradients = self._gradients(inputs, labels, samples)
        for gradient, variable in zip(gradients, self._learned, strict=True):
            gradient.set_shape(variable.shape)
        if self._among.world > 1:
            # What the model counts, such as batch statistics, is to be the mean of all.
            shares = [each / self._among.world for each in self._counted]
            *summed, loss, told = self._among.sum([*gradients, *shares, loss, told])
            gradients = summed[: len(gradients)]
            for variable, value in zip(self._counted, summed[len(gradients) :], strict=True):
                variable.assign(value)
        loss = tf.where(self._updater.sound(gradients), loss, np.nan)
        self._updater.apply(gradients, rate)
        return loss, told

    def _traced_gradients(
        self, inputs: Tensor, labels: Tensor, samples: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        with tf.GradientTape() as tape:
            logits = self._model(inputs, training=True)
            loss = tf.reduce_sum(self._loss(logits, labels)) / samples
            scaled = self._updater.scaled(loss)
        return loss, tape.gradient(scaled, self._learned)


class Evaluator:
    """Compares the model with labels."""

    def __init__(self, model: keras.Model, feed: feeding.Feed, among: processes.Processes) -> None:
        self._model = model
        self._feed = feed
        self._among = among
        self._graph = tf.function(
            self._traced, input_signature=(SUMS, *feed.signature), autograph=False
        )
        self._total = tf.function(self._traced_total, input_signature=(SUMS,), autograph=False)

    def sums(self, batches: Iterable[feeding.Batch]) -> tuple[float, float, float]:
        """Return right answers, cross entropy and samples, summed over batches and processes."""
        found = tf.zeros(SUMS.shape, SUMS.dtype)
        for batch in batches:
            found = self._graph(found, *batch.tensors)
        return self.total(found)

    def total(self, own: Tensor) -> tuple[float, float, float]:
        """Return three numbers, each summed over all processes."""
        first, second, third = self._total(tf.cast(own, SUMS.dtype)).numpy().tolist()
        return first, second, third

    def _traced(self, sums: Tensor, *tensors: Tensor) -> Tensor:
        inputs, labels = self._feed.fetch(*tensors)
        logits = self._model(inputs, training=False)
        right = tf.math.count_nonzero(tf.argmax(logits, axis=1) == labels)
        lost = tf.reduce_sum(losses.entropy(logits, labels))
        own = (right, lost, tf.size(labels))
        return sums + tf.stack([tf.cast(each, SUMS.dtype) for each in own])

    def _traced_total(self, sums: Tensor) -> Tensor:
        return self._among.run(lambda own: self._among.sum([own])[0], (sums,))
