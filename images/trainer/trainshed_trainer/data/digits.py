"""scikit-learn's digits: 1,797 real scans of 8 by 8 pixels, ten classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
LARGEST = 16.0


def load() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return images (1797, 1, 8, 8) with values 0 to 1, and labels (1797,)."""
    from sklearn import datasets

    found = datasets.load_digits()
    images = found.images.astype(np.float32)[:, None] / LARGEST
    return images, found.target.astype(np.int64)
