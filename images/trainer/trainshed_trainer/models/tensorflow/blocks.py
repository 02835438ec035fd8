"""What the models are made of: linear layers, convolutional blocks, the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from trainshed_trainer.models.tensorflow import normalising

Tensor = Any
Layer = Callable[[Tensor], Tensor]


def uniform() -> keras.initializers.Initializer:
    """Return an initialiser within 1 / sqrt(fan in), as PyTorch's own layers have it."""
    return keras.initializers.VarianceScaling(scale=1 / 3, mode="fan_in", distribution="uniform")


def linear(units: int) -> keras.layers.Dense:
    """Return a linear layer."""
    return keras.layers.Dense(units, kernel_initializer=uniform())


def convolutions(
    inputs: Tensor,
    channels: Sequence[int],
    *,
    kernel: int,
    normalisation: Callable[[], Layer] = normalising.BatchNormalisation,
) -> Tensor:
    """Apply blocks of convolution, normalisation, ReLU and pooling, which halve an image each.

    (n, height, width, channels). ReLU comes after the pooling: the result is the same, of a
    quarter of the values.
    """
    for count in channels:
        inputs = keras.layers.Conv2D(
            count, kernel, padding="same", use_bias=False, kernel_initializer=uniform()
        )(inputs)
        inputs = keras.layers.MaxPooling2D(2)(normalisation()(inputs))
        inputs = keras.layers.ReLU()(inputs)
    return inputs


def head(inputs: Tensor, *, hidden: int, dropout: float, classes: int) -> Tensor:
    """Return logits (n, classes) of features (n, k): linear, ReLU, dropout, linear."""
    inputs = keras.layers.ReLU()(linear(hidden)(inputs))
    return logits(dropped(inputs, dropout), classes)


def logits(inputs: Tensor, classes: int) -> Tensor:
    """Return logits (n, classes), in fp32 whatever the model computes in."""
    outputs = linear(classes)(inputs)
    return keras.layers.Activation("linear", dtype="float32", name="logits")(outputs)


def dropped(inputs: Tensor, share: float) -> Tensor:
    """Return the inputs with a share of them set to 0 in training."""
    return keras.layers.Dropout(share)(inputs) if share else inputs


def model(inputs: Tensor, outputs: Tensor, *, name: str) -> keras.Model:
    """Return the model between inputs and outputs."""
    return keras.Model(inputs, outputs, name=name.replace("-", "_"))
