"""The built-in models in Keras by their name in `spec.model.name`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from trainshed_trainer import schema
from trainshed_trainer.models.tensorflow import cnn, cnn_attention, cnn_lstm, lstm

BUILDERS: Mapping[str, Callable[[Any, Sequence[int], int], keras.Model]] = {
    "cnn": cnn.build,
    "cnn-attention": cnn_attention.build,
    "lstm": lstm.build,
    "cnn-lstm": cnn_lstm.build,
}


def build(asked: schema.Model, shape: Sequence[int], classes: int) -> keras.Model:
    """Return a model for inputs of a shape; raises ConfigurationError where they don't fit."""
    return BUILDERS[asked.name](asked.params, shape, classes)
