"""Looks into a Keras model."""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainshed_trainer import schema
from trainshed_trainer.evaluation import lenses
from trainshed_trainer.models.tensorflow import registry
from trainshed_trainer.training import backends
from trainshed_trainer.training.tensorflow import backend, states


class Lens:
    """The trained model in full precision."""

    def __init__(
        self, spec: schema.Spec, prepared: backends.Prepared, trained: backend.Backend
    ) -> None:
        self._model = registry.build(spec.model, prepared.held.shape, len(prepared.classes))
        pairs = zip(states.weights(self._model), states.weights(trained.model), strict=True)
        for variable, learned in pairs:
            variable.assign(learned)

    def probabilities(self, inputs: lenses.Array) -> lenses.Array:
        """Return (n, classes) for normalised inputs (n, *shape)."""
        given = tf.constant(np.moveaxis(inputs, -3, -1))
        return np.asarray(tf.nn.softmax(self._model(given, training=False)))

    def saliency(self, inputs: lenses.Array, labels: NDArray[Any]) -> lenses.Array:
        """Return gradient times input (n, *shape): what speaks for each label."""
        given = tf.constant(np.moveaxis(inputs, -3, -1))
        with tf.GradientTape() as tape:
            tape.watch(given)
            logits = self._model(given, training=False)
            chosen = tf.reduce_sum(tf.gather(logits, labels, axis=1, batch_dims=1))
        found = np.asarray(tape.gradient(chosen, given) * given)
        return np.moveaxis(found, -1, -3)

    def layers(self) -> list[lenses.Layer]:
        """Return the layers in order."""
        found = []
        for layer in self._model.layers:
            if isinstance(layer, keras.layers.InputLayer):
                continue
            count = sum(int(np.prod(each.shape)) for each in layer.trainable_variables)
            shape = tuple(layer.output.shape[1:])
            found.append(lenses.Layer(layer.name, type(layer).__name__, shape, count))
        return found

    def parameters(self) -> int:
        """Return how many numbers are learned."""
        return sum(int(np.prod(each.shape)) for each in self._model.trainable_variables)

    def flops(self) -> int:
        """Return the operations of one sample's forward pass, of all that the profiler knows."""
        one = tf.TensorSpec((1, *self._model.inputs[0].shape[1:]), tf.float32)
        graph = tf.function(lambda given: self._model(given, training=False), autograph=False)
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        with contextlib.redirect_stdout(io.StringIO()):
            found = tf.compat.v1.profiler.profile(
                graph.get_concrete_function(one).graph,
                options={**options, "output": f"file:outfile={os.devnull}"},
            )
        return int(found.total_float_ops)
