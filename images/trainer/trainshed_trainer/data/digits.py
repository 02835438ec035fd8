"""scikit-learn's digits: 1,797 real scans of 8 by 8 pixels, ten classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainshed_trainer.data import sources

CLASSES = tuple("0123456789")
LARGEST = 16.0


@dataclass(frozen=True, slots=True)
class Digits:
    """The scans as a source: images (1797, 1, 8, 8) with values 0 to 1."""

    images: sources.Pixels
    labels: sources.Numbers
    classes: tuple[str, ...] = CLASSES
    groups: sources.Numbers | None = None

    def title(self, number: int) -> str:
        """Return what a person calls a scan."""
        return f"scan {number}"

    def load(self, number: int) -> sources.Pixels:
        """Return a scan (1, 8, 8)."""
        image: sources.Pixels = self.images[number]
        return image


def read() -> Digits:
    """Return the digits as a source."""
    return Digits(*load())


def load() -> tuple[sources.Pixels, sources.Numbers]:
    """Return images (1797, 1, 8, 8) with values 0 to 1, and labels; nothing is fetched."""
    from sklearn import datasets

    found = datasets.load_digits()
    images = found.images.astype(np.float32)[:, None] / LARGEST
    return images, found.target.astype(np.int64)
