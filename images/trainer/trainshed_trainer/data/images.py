"""Images by Pillow: folders of files, one folder a class."""

from __future__ import annotations

import functools
import pathlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from trainshed_trainer import schema
from trainshed_trainer.data import corrupt, folders, pictures, sources

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
)
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""No other decoder is tried: some of Pillow's start programs."""
MOST_PIXELS = 64_000_000
DEEP = {"I;16": 65535, "I;16B": 65535, "I;16L": 65535}
"""Pillow's modes of one channel and more than 8 bits, and the largest value of each."""
GREY = {"1", "L", *DEEP}


def open(path: pathlib.Path, asked: schema.Preprocess, tally: corrupt.Tally) -> sources.Source:
    """Return the images in the folders of a folder."""
    return folders.classed(path, SUFFIXES, functools.partial(Decoder, size=asked.resize), grey)


class Decoder:
    """Makes (channels, H, W) of an image file; transparency is dropped, a camera's turn heeded.

    `size`: height and width of all that have 8 bits; others are as large as their files.
    """

    def __init__(self, channels: int, *, size: tuple[int, ...] | None) -> None:
        self._mode = pictures.MODES[channels]
        self._size = size

    def __call__(self, stream: BinaryIO, title: str) -> sources.Sample:
        """Return an image: levels, or of more than 8 bits the values 0 to 1."""
        with _header(stream) as image:
            try:
                ImageOps.exif_transpose(image, in_place=True)
                return self._sample(image)
            except Exception as error:  # Pillow's decoders raise whatever they stumble over
                raise corrupt.Corrupt(f"can't be decoded ({error})") from error

    def _sample(self, image: Image.Image) -> sources.Sample:
        deepest = DEEP.get(image.mode) if self._mode == "L" else None
        if deepest is not None:
            pixels: sources.Pixels = np.divide(
                np.asarray(image), np.float32(deepest), dtype=np.float32
            )
            return pixels[None]
        # Converting to the same mode would copy.
        flat = image if image.mode == self._mode else image.convert(self._mode)
        return pictures.levels(flat, self._size)


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
