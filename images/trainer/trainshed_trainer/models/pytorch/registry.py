"""The built-in models in PyTorch by their name in `spec.model.name`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models.pytorch import cnn, cnn_attention, cnn_lstm, lstm

BUILDERS: Mapping[str, Callable[[Any, Sequence[int], int], nn.Module]] = {
    "cnn": cnn.build,
    "cnn-attention": cnn_attention.build,
    "lstm": lstm.build,
    "cnn-lstm": cnn_lstm.build,
}


def build(asked: schema.Model, shape: Sequence[int], classes: int) -> nn.Module:
    """Return a model for inputs of a shape; raises ConfigurationError where they don't fit."""
    return BUILDERS[asked.name](asked.params, shape, classes)
