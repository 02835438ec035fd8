"""`python3 -m tests.train.photos FOLDER`: JPEG files as cameras write them, the same each time."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = 4
SETS = {"small": (1400, 128, 96), "photos": (300, 500, 375)}
"""How many, how wide, how high."""
QUALITY = 85


def drawn(random: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) whose detail falls off with its fineness, as a photograph's."""
    fineness = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) + 1 / width
    noise = random.normal(size=(3, height, width))
    # Colour varies less than light.
    shaded = noise[:1] + 0.3 * noise
    planes = np.fft.ifft2(np.fft.fft2(shaded) / fineness).real
    planes = 110 + 50 * (planes - planes.mean()) / planes.std()
    return np.asarray(np.moveaxis(np.clip(planes, 0, 255), 0, -1), dtype=np.uint8)


def write(folder: pathlib.Path) -> None:
    """Write the sets, each a folder of a folder a class, if they are not there."""
    for name, (count, width, height) in SETS.items():
        if (folder / name).is_dir():
            continue
        random = np.random.default_rng(0)
        for number in range(count):
            place = folder / f"{name}.new" / str(number % CLASSES)
            place.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(drawn(random, width, height))
            image.save(place / f"{number}.jpg", quality=QUALITY)
        (folder / f"{name}.new").rename(folder / name)


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
