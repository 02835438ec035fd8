"""Normalisation, by the framework's fused kernels: Keras computes it step by step."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

MOMENTUM = 0.9
EPSILON = 1e-5


class BatchNormalisation(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation of (n, height, width, channels) over all but the channels."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"momentum": MOMENTUM, "epsilon": EPSILON, **options})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalised inputs; in training, by their own statistics, which are kept."""
        learning = bool(training) and self.trainable
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum,
            is_training=learning,
        )
        if learning:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        return outputs


def layer_normalisation() -> Any:
    """Return layer normalisation over the channels, which are last."""
    return keras.layers.LayerNormalization(epsilon=EPSILON)
