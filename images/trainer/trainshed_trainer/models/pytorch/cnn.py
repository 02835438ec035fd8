"""`cnn`: blocks of convolution, batch normalisation, ReLU and pooling, then two linear layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from trainshed_trainer import errors, schema


def build(params: schema.CnnParams, shape: Sequence[int], classes: int) -> nn.Module:
    """Return the model for images of `shape` (channels, height, width): logits (n, classes)."""
    depth, height, width = shape
    blocks: list[nn.Module] = []
    for channels in params.channels:
        if height < 2 or width < 2:
            raise errors.ConfigurationError(
                f"{len(params.channels)} blocks halve {shape[1]}x{shape[2]} pixels to nothing:"
                " give model.params.channels fewer entries, or data.preprocess.resize more pixels",
                reason="InvalidSpec",
            )
        blocks += [
            nn.Conv2d(depth, channels, params.kernel, padding=params.kernel // 2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        ]
        depth, height, width = channels, height // 2, width // 2
    head = [
        nn.Flatten(),
        nn.Linear(depth * height * width, params.hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden, classes),
    ]
    return nn.Sequential(*blocks, *head).to(memory_format=torch.channels_last)
