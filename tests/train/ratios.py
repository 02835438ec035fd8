"""What pairs of measurements tell. Pure."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence

RESAMPLES = 10_000
SHARE = 0.05
"""How often the true median lies below the bound."""


def median(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the median of (plain, ours): how many times as fast ours is."""
    return statistics.median(ours / plain for plain, ours in pairs)


def low(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the lower 95 % bound of the median, by resampling the pairs."""
    ratios = [ours / plain for plain, ours in pairs]
    drawn = random.Random(0)
    medians = sorted(
        statistics.median(drawn.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    return medians[int(SHARE * RESAMPLES)]
