"""`cnn`: blocks of convolution, batch normalisation, ReLU and pooling, then two linear layers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.pytorch import blocks, weights


def build(params: schema.CnnParams, shape: Sequence[int], classes: int) -> nn.Module:
    """Return the model for images of `shape` (channels, height, width): logits (n, classes)."""
    depth, height, width = shapes.image("cnn", shape)
    height, width = shapes.halved(params.channels, height, width)
    layers = [
        *blocks.stack(depth, params.channels, kernel=params.kernel, norm=blocks.batch_norm),
        nn.Flatten(),
        nn.Linear(params.channels[-1] * height * width, params.hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden, classes),
    ]
    return weights.start(nn.Sequential(*layers))
