"""Images at another size, by weights alone: the same numbers on any machine.

Each pixel is a sum of a few others. With matrices it would be a hundred times the work, and BLAS
would start threads of its own within those that decode.
"""

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
    # Rows are taken as a whole, single pixels of a row are not: the width is a matter of rows, too.
    rows = _rows(images, height).swapaxes(-1, -2)
    return np.ascontiguousarray(_rows(np.ascontiguousarray(rows), width).swapaxes(-1, -2))


def _rows(images: sources.Pixels, new: int) -> sources.Pixels:
    """Return images (…, H, W) with `new` rows."""
    places, weights = _taps(images.shape[-2], new)
    columns = weights[..., None]
    found: sources.Pixels = np.take(images, places[0], axis=-2)
    found *= columns[0]
    for place, weight in zip(places[1:], columns[1:], strict=True):
        part = np.take(images, place, axis=-2)
        part *= weight
        found += part
    return found


@functools.lru_cache(maxsize=256)
def _taps(old: int, new: int) -> tuple[sources.Numbers, sources.Pixels]:
    """Return which pixels (k, new) each new one is made of, and their weights (k, new).

    The weights are a triangle around the new pixel's centre.
    """
    reach = max(1.0, old / new)
    centre = (np.arange(new) + 0.5) * old / new - 0.5
    first = np.maximum(np.ceil(centre - reach).astype(np.int64), 0)
    places = first + np.arange(int(2 * reach) + 2)[:, None]
    weights = np.maximum(0.0, 1.0 - np.abs(places - centre) / reach)
    weights[places >= old] = 0.0
    weights /= weights.sum(axis=0)
    used = weights.any(axis=1)
    places = np.minimum(places, old - 1)
    return places[used], np.asarray(weights[used], dtype=np.float32)
