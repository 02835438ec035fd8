"""Samples, saliency and attention as small PNG pictures inside the page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 64
"""Height and width of an image; of a clip's frames, which are several, less."""
MOST_FRAMES = 4
FRAME_PIXELS = 40
DARKEST = 0.15
"""How bright a sample is where nothing attends to it."""
Array = NDArray[np.float32]


def shown(sample: Array) -> str:
    """Return an image (C, H, W) or some frames of a clip (T, C, H, W), 0 to 1, as a data URI."""
    return _uri(np.clip(_coloured(_flat(sample)), 0.0, 1.0))


def heat(found: Array) -> str:
    """Return what speaks for a class in red and what speaks against it in blue, as a data URI."""
    flat = _flat(found).sum(axis=0)
    strength = flat / max(float(np.abs(flat).max()), 1e-12)
    speaks, against = np.clip(strength, 0, 1), np.clip(-strength, 0, 1)
    return _uri(np.stack([1 - against, 1 - speaks - against, 1 - speaks], axis=-1).clip(0, 1))


def lit(sample: Array, attention: Array) -> str:
    """Return an image (C, H, W), bright where attention (rows, columns) is most, as a data URI."""
    flat = _flat(sample)
    ways = (
        np.arange(size) * places // size
        for size, places in zip(flat.shape[1:], attention.shape, strict=True)
    )
    light = attention[np.ix_(*ways)] / max(float(attention.max()), 1e-12)
    return _uri(np.clip(_coloured(flat * (DARKEST + (1 - DARKEST) * light)), 0.0, 1.0))


def _flat(sample: Array) -> Array:
    """Return (C, H, W), small, with frames side by side."""
    if sample.ndim == 3:
        return _small(sample, MOST_PIXELS)
    chosen = np.unique(np.linspace(0, len(sample) - 1, MOST_FRAMES).round().astype(int))
    return np.concatenate([_small(sample[each], FRAME_PIXELS) for each in chosen], axis=2)


def _small(image: Array, most: int) -> Array:
    step = -(-max(image.shape[1:]) // most)
    return image[:, ::step, ::step]


def _coloured(image: Array) -> Array:
    """Return (H, W, 3)."""
    colours = image if len(image) == 3 else np.repeat(image[:1], 3, axis=0)
    return np.moveaxis(colours, 0, -1)


def _uri(image: Array) -> str:
    pixels = (image * 255).round().astype(np.uint8)
    height, width, _ = pixels.shape
    # Each row begins with its filter: none.
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
