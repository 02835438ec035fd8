"""`lstm`: recurrent layers on the pixels of each frame."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.pytorch import recurrent, weights


def build(params: schema.LstmParams, shape: Sequence[int], classes: int) -> nn.Module:
    """Return the model for clips (frames, channels, height, width): logits (n, classes)."""
    _, depth, height, width = shapes.clip("lstm", shape)
    last = recurrent.Last(
        params.cell,
        depth * height * width,
        hidden=params.hidden,
        layers=params.layers,
        dropout=params.dropout,
        classes=classes,
    )
    return weights.start(nn.Sequential(nn.Flatten(2), last))
