"""Channels come first to all that see an array, and lie last in memory: so frameworks compute.

In this order a row of an image is W x C numbers beside each other, which NumPy takes at once.
Three channels at a time cost it ten times as much.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def empty(count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return room for samples (count, *shape), channels last in memory."""
    *others, depth, height, width = shape
    return first(np.empty((count, *others, height, width, depth), dtype=np.float32))


def last(pixels: NDArray[Number]) -> NDArray[Number]:
    """Return (…, C, H, W) as (…, H, W, C)."""
    return pixels.swapaxes(-3, -2).swapaxes(-2, -1)


def first(pixels: NDArray[Number]) -> NDArray[Number]:
    """Return (…, H, W, C) as (…, C, H, W)."""
    return pixels.swapaxes(-2, -1).swapaxes(-3, -2)


def rows(pixels: NDArray[Number]) -> NDArray[Number]:
    """Return (…, C, H, W) as (rows, W x C): a copy, unless channels are last in memory."""
    return last(pixels).reshape(-1, pixels.shape[-1] * pixels.shape[-3])
