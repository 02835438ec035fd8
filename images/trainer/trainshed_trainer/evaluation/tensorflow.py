"""Looks into a Keras model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainshed_trainer import schema
from trainshed_trainer.evaluation import lenses, operations
from trainshed_trainer.models.tensorflow import attending, registry
from trainshed_trainer.training import backends
from trainshed_trainer.training.tensorflow import backend, states


class Lens:
    """The trained model in full precision."""

    def __init__(
        self, spec: schema.Spec, prepared: backends.Prepared, trained: backend.Backend
    ) -> None:
        self._trained = trained.model
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

    def attention(self, inputs: lenses.Array) -> lenses.Array | None:
        """Return (n, rows, columns): the share of attention that each place has."""
        maps = None
        for made in self._model.operations:
            if isinstance(made, attending.SelfAttention):
                return self._shares(made, maps, inputs)
            if len(made.output.shape) == 4:
                maps = made.output
        return None

    def _shares(
        self, layer: attending.SelfAttention, maps: Any, inputs: lenses.Array
    ) -> lenses.Array:
        """Return what `attention` does, of the layer that attends to maps."""
        _, rows, columns, channels = maps.shape
        before = keras.Model(self._model.input, layer.input)
        taken = layer.mixed(before(np.moveaxis(inputs, -3, -1), training=False))
        parts = tf.reshape(taken, (-1, rows * columns, 3, layer.heads, channels // layer.heads))
        query, key, _ = tf.unstack(tf.transpose(parts, (2, 0, 3, 1, 4)))
        alike = tf.matmul(query, key, transpose_b=True) * query.shape[-1] ** -0.5
        found = tf.reduce_mean(tf.nn.softmax(alike), (1, 2))
        return np.asarray(tf.reshape(found, (-1, rows, columns)))

    def layers(self) -> list[lenses.Layer]:
        """Return the layers in order."""
        # Keras numbers the layers of each further model.
        return operations.layers(self._trained)

    def parameters(self) -> int:
        """Return how many numbers are learned."""
        return sum(int(np.prod(each.shape)) for each in self._model.trainable_variables)

    def flops(self) -> int:
        """Return the operations of one sample's forward pass: of products and convolutions."""
        return operations.flops(self._model)
