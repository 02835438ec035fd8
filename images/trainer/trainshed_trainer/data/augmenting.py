"""Random changes of training samples, each drawn from the seed, the epoch and its number.

A clip's frames change alike, but for noise. Values stay within 0 and 1 where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trainshed_trainer.data import sources

Pixels = sources.Pixels
Sample = sources.Sample
Change = Callable[[Sample, np.random.Generator], Sample]
MARGIN = 8
"""`crop` shifts by up to an eighth of a side."""
DEGREES = 15.0
NOISE = 0.05
"""The deviation of `noise`, of a range of 1."""


def augment(sample: Sample, names: Sequence[str], *, seed: Sequence[int]) -> Sample:
    """Return a sample (…, H, W) changed by each that is named, in the order of CHANGES.

    Levels stay levels where pixels are only moved.
    """
    random = np.random.default_rng(seed)
    for name, change in CHANGES.items():
        if name in names:
            sample = change(sample, random)
    return sample


def _hflip(sample: Sample, random: np.random.Generator) -> Sample:
    if random.random() >= 0.5:
        return sample
    turned = np.empty_like(sample)
    # With channels last in memory, all at once would take four times as long.
    for channel in range(sample.shape[-3]):
        turned[..., channel, :, :] = sample[..., channel, :, ::-1]
    return turned


def _vflip(sample: Sample, random: np.random.Generator) -> Sample:
    return sample[..., ::-1, :] if random.random() < 0.5 else sample


def _rotate(sample: Sample, random: np.random.Generator) -> Sample:
    """Turn about the centre, bilinear; what lies outside is what the nearest edge shows."""
    pixels = sources.unit(sample)
    angle = np.deg2rad(random.uniform(-DEGREES, DEGREES))
    height, width = pixels.shape[-2:]
    y = (np.arange(height) - (height - 1) / 2)[:, None]
    x = (np.arange(width) - (width - 1) / 2)[None]
    down = y * np.cos(angle) - x * np.sin(angle) + (height - 1) / 2
    right = y * np.sin(angle) + x * np.cos(angle) + (width - 1) / 2
    (top, bottom, low), (left, far, along) = _between(down, height), _between(right, width)
    above = pixels[..., top, left] * (1 - along) + pixels[..., top, far] * along
    below = pixels[..., bottom, left] * (1 - along) + pixels[..., bottom, far] * along
    return np.asarray(above * (1 - low) + below * low, dtype=np.float32)


def _between(place: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, Pixels]:
    """Return the pixel before each place, the one after, and how far along it lies."""
    place = np.clip(place, 0, side - 1)
    before = np.floor(place).astype(np.int64)
    return before, np.minimum(before + 1, side - 1), (place - before).astype(np.float32)


def _crop(sample: Sample, random: np.random.Generator) -> Sample:
    """Shift by some pixels; what is uncovered shows the edge again."""
    return _shifted(_shifted(sample, -2, random), -1, random)


def _shifted(sample: Sample, axis: int, random: np.random.Generator) -> Sample:
    side = sample.shape[axis]
    most = max(1, side // MARGIN)
    by = int(random.integers(-most, most + 1))
    if by == 0:
        return sample
    shifted = np.empty_like(sample)
    old, new = sample.swapaxes(0, axis), shifted.swapaxes(0, axis)
    if by > 0:
        new[:-by], new[-by:] = old[by:], old[-1]
    else:
        new[-by:], new[:-by] = old[:by], old[0]
    return shifted


def _noise(sample: Sample, random: np.random.Generator) -> Sample:
    pixels = sources.unit(sample)
    noise = random.standard_normal(pixels.shape, dtype=np.float32)
    low, high = np.minimum(pixels.min(), 0), np.maximum(pixels.max(), 1)
    return np.clip(pixels + noise * np.float32(NOISE), low, high)


CHANGES: Mapping[str, Change] = {
    "hflip": _hflip,
    "vflip": _vflip,
    "rotate": _rotate,
    "crop": _crop,
    "noise": _noise,
}
