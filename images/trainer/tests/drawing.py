"""Draws the few images and clips of golden/, once: an encoder's next version writes other bytes.

`python -m images.trainer.tests.drawing`, in an image or in build/data-venv.
"""

from __future__ import annotations

import pathlib

import numpy as np
from numpy.typing import NDArray

from images.trainer.tests import encoding

FOLDER = pathlib.Path(__file__).parent / "golden"
CLASSES = ("coarse", "fine")
IMAGES = ((14, 19), (24, 16), (9, 30), (17, 17))
"""Height and width of each class's images: some sides grow and some shrink."""
CLIP = (7, 24, 32)
CLIPS = 3


def main() -> None:
    """Write all files."""
    from PIL import Image

    for label, name in enumerate(CLASSES):
        for number, (height, width) in enumerate(IMAGES):
            pixels = picture(label, number, height, width)
            shown = np.moveaxis((pixels * 255).round().astype(np.uint8), 0, -1)
            Image.fromarray(shown).save(_file("images", name, f"{number}.jpg"), quality=90)
        for number in range(CLIPS):
            length, height, width = CLIP
            frames = [picture(label, number, height, width, at=at) for at in range(length)]
            encoding.write(_file("clips", name, f"{number}.mp4"), np.stack(frames))


def picture(
    label: int, number: int, height: int, width: int, *, at: int = 0
) -> NDArray[np.float64]:
    """Return (3, H, W): waves that are finer in the second class and move with `at`."""
    down, right = np.mgrid[:height, :width]
    turns = (label + 1) * (number + 2) / 40
    phases = [turns * (down * (channel + 1) + right) + 0.5 * at for channel in range(3)]
    return 0.5 + 0.45 * np.sin(2 * np.pi * np.stack(phases) / 2 + number)


def _file(*parts: str) -> pathlib.Path:
    path = FOLDER.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
