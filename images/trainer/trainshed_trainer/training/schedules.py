"""The course of the learning rate, as a factor of its value. Pure."""

from __future__ import annotations

import math


def factor(step: int, *, schedule: str, warmup: int, total: int) -> float:
    """Return the factor at a step, from 0: a linear rise, then constant, linear or cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "constant":
        return 1.0
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return 1.0 - done if schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
