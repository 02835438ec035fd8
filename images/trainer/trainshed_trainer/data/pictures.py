"""Pillow's images as levels, at the size that a model takes: resized by Pillow, 8 bits to 8 bits.

It is the very filter of `resizing`, rounded to levels after each side, in a fraction of the time.
Whoever serves a model finds it in every copy of Pillow.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from trainshed_trainer.data import sources

MODES = {1: "L", 3: "RGB"}
"""Pillow's modes of 8 bits, by the number of channels."""


def levels(image: Image.Image, size: tuple[int, ...] | None) -> sources.Levels:
    """Return an image (C, H, W) of one of MODES, its channels last in memory.

    `size`: height and width. Bilinear, and the mean of an area where it gets smaller.
    """
    if size is not None and image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    values: sources.Levels = np.asarray(image)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)
