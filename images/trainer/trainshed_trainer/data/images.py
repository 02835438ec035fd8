"""Images by Pillow: folders of files, one folder a class."""

from __future__ import annotations

import pathlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from trainshed_trainer import schema
from trainshed_trainer.data import corrupt, folders, sources

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
)
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""No other decoder is tried: some of Pillow's start programs."""
MOST_PIXELS = 64_000_000
GREY = {"1": 1, "L": 255, "I;16": 65535, "I;16B": 65535, "I;16L": 65535}
"""Pillow's modes of one channel, and the largest value of each."""


def open(path: pathlib.Path, asked: schema.Preprocess, tally: corrupt.Tally) -> sources.Source:
    """Return the images in the folders of a folder."""
    return folders.classed(path, SUFFIXES, Decoder, grey)


class Decoder:
    """Makes (channels, H, W) of an image file; transparency is dropped, a camera's turn heeded."""

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def __call__(self, stream: BinaryIO, title: str) -> sources.Pixels:
        """Return an image with values 0 to 1."""
        with _header(stream) as image:
            try:
                return self._pixels(ImageOps.exif_transpose(image))
            except Exception as error:  # Pillow's decoders raise whatever they stumble over
                raise corrupt.Corrupt(f"can't be decoded ({error})") from error

    def _pixels(self, image: Image.Image) -> sources.Pixels:
        largest = GREY.get(image.mode) if self._channels == 1 else None
        if largest is None or image.mode == "1":
            image, largest = image.convert("L" if self._channels == 1 else "RGB"), 255
        values = np.asarray(image)
        planes = values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0)
        pixels: sources.Pixels = np.divide(planes, np.float32(largest), dtype=np.float32, order="C")
        return pixels


def grey(stream: BinaryIO) -> bool:
    """Return whether an image has one channel."""
    with _header(stream) as image:
        return image.mode in GREY


def _header(stream: BinaryIO) -> Image.Image:
    """Return an image of which only the head has been read; one that is too large is refused."""
    try:
        image = Image.open(stream, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise corrupt.Corrupt(f"is larger than {MOST_PIXELS} pixels") from error
    except Exception as error:  # as above
        raise corrupt.Corrupt("is no image that can be read") from error
    if image.width * image.height > MOST_PIXELS:
        raise corrupt.Corrupt(f"is larger than {MOST_PIXELS} pixels")
    return image
