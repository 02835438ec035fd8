"""Convolution blocks, each of which halves height and width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

EPSILON = 1e-5


class ChannelNorm(nn.LayerNorm):  # type: ignore[misc]
    """Layer normalisation over the channels of maps (n, channels, height, width)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPSILON)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the maps with mean 0 and deviation 1 at each position."""
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def batch_norm(channels: int) -> nn.Module:
    """Return batch normalisation of maps."""
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.1)


def stack(
    depth: int, channels: Sequence[int], *, kernel: int, norm: Callable[[int], nn.Module]
) -> list[nn.Module]:
    """Return the layers of blocks of convolution, normalisation, pooling and ReLU."""
    layers: list[nn.Module] = []
    for width in channels:
        layers += [
            nn.Conv2d(depth, width, kernel, padding=kernel // 2, bias=False),
            norm(width),
            # The largest of ReLUs is the ReLU of the largest, at a quarter of the work.
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
        ]
        depth = width
    return layers
