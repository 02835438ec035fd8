"""scikit-learn's digits: 1,797 real scans of 8 by 8 pixels, ten classes."""

from __future__ import annotations

import gzip
import pathlib
from dataclasses import dataclass
from importlib import util

import numpy as np

from trainshed_trainer.data import sources

CLASSES = tuple("0123456789")
LARGEST = 16.0
FILE = "datasets/data/digits.csv.gz"
"""Where the scans are in the package."""


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
    table = _table()
    images = table[:, :-1].reshape(-1, 1, 8, 8) / np.float32(LARGEST)
    return images, table[:, -1].astype(np.int64)


def _table() -> sources.Pixels:
    """Return a row for each scan: its pixels, and its label."""
    # Its file alone: to import scikit-learn takes as long as all else of a short run.
    package = util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    with gzip.open(pathlib.Path(package.origin).parent / FILE, "rt", encoding="ascii") as file:
        return np.loadtxt(file, delimiter=",", dtype=np.float32)
