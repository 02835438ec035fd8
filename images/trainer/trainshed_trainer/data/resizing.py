"""Images at another size, by weights alone: the same numbers on any machine."""

from __future__ import annotations

import functools

import numpy as np

from trainshed_trainer.data import sources


def resize(images: sources.Pixels, *, height: int, width: int) -> sources.Pixels:
    """Return images (…, H, W) at another size: bilinear, and the mean of an area where smaller.

    Pixel centres lie at half positions.
    """
    if images.shape[-2:] == (height, width):
        return images
    rows = _weights(images.shape[-2], height)
    columns = _weights(images.shape[-1], width)
    found: sources.Pixels = np.matmul(np.matmul(rows, images), columns.T)
    return found


@functools.lru_cache(maxsize=256)
def _weights(old: int, new: int) -> sources.Pixels:
    """Return the (new, old) matrix of weights along one side: a triangle around each centre."""
    reach = max(1.0, old / new)
    centre = (np.arange(new) + 0.5) * old / new - 0.5
    away = np.abs(np.arange(old)[None] - centre[:, None]) / reach
    weights = np.maximum(0.0, 1.0 - away)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
