"""`cnn-lstm`: convolution blocks make features of each frame, recurrent layers read them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.pytorch import blocks, recurrent, weights


class EachFrame(nn.Module):  # type: ignore[misc]
    """Applies an encoder of images to every frame of clips (n, frames, c, h, w)."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return features (n, frames, features)."""
        # Not by `unflatten`, which leaves the number of clips in an exported graph.
        features = self.encoder(clips.flatten(0, 1))
        return features.reshape(clips.shape[0], clips.shape[1], -1)


def build(params: schema.CnnLstmParams, shape: Sequence[int], classes: int) -> nn.Module:
    """Return the model for clips (frames, channels, height, width): logits (n, classes)."""
    _, depth, height, width = shapes.clip("cnn-lstm", shape)
    height, width = shapes.halved(params.channels, height, width)
    encoder = nn.Sequential(
        *blocks.stack(depth, params.channels, kernel=params.kernel, norm=blocks.batch_norm),
        nn.Flatten(),
        nn.Linear(params.channels[-1] * height * width, params.features),
    )
    last = recurrent.Last(
        params.cell,
        params.features,
        hidden=params.hidden,
        layers=params.layers,
        dropout=params.dropout,
        classes=classes,
    )
    return weights.start(nn.Sequential(EachFrame(encoder), last))
