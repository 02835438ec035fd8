"""The built-in models in PyTorch by their name in `spec.model.name`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models.pytorch import cnn

Build = Callable[[schema.CnnParams, Sequence[int], int], nn.Module]
MODELS: Mapping[str, Build] = {"cnn": cnn.build}
