"""`cnn-attention`: blocks with layer normalisation, then self-attention over the positions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.pytorch import blocks, weights

PLACES_DEVIATION = 0.02


class Places(nn.Module):  # type: ignore[misc]
    """Adds to maps what is learnt of each place: attention alone tells no place from another."""

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.empty(channels, height, width))
        nn.init.normal_(self.places, std=PLACES_DEVIATION)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps (n, channels, height, width)."""
        return maps + self.places


class SpatialAttention(nn.Module):  # type: ignore[misc]
    """Adds to maps (n, channels, height, width) what each position takes from the others."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels, eps=blocks.EPSILON)
        self.taken = nn.Linear(channels, 3 * channels)
        self.given = nn.Linear(channels, channels)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return positions (n, height * width, channels)."""
        positions = maps.flatten(2).transpose(1, 2)
        count, length, channels = positions.shape
        parts = self.taken(self.norm(positions))
        parts = parts.view(count, length, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        found = nn.functional.scaled_dot_product_attention(query, key, value)
        return positions + self.given(found.transpose(1, 2).reshape(count, length, channels))


class Mean(nn.Module):  # type: ignore[misc]
    """Takes the mean over the positions."""

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        """Return (n, channels) of (n, positions, channels)."""
        return positions.mean(1)


def build(params: schema.CnnAttentionParams, shape: Sequence[int], classes: int) -> nn.Module:
    """Return the model for images of `shape` (channels, height, width): logits (n, classes)."""
    depth, height, width = shapes.image("cnn-attention", shape)
    height, width = shapes.halved(params.channels, height, width)
    last = params.channels[-1]
    layers = [
        *blocks.stack(depth, params.channels, kernel=params.kernel, norm=blocks.ChannelNorm),
        Places(last, height, width),
        SpatialAttention(last, params.heads),
        Mean(),
        nn.Linear(last, params.hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden, classes),
    ]
    return weights.start(nn.Sequential(*layers))
