"""How many samples a batch has, whatever a loader makes batches of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def of(batch: Any) -> int:
    """Return how many samples a batch has: the length of its first array.

    A list of plain values is a batch of as many samples; a single value is one.
    """
    if isinstance(batch, Mapping):
        return _length(next(iter(batch.values()), ()), otherwise=1)
    if isinstance(batch, tuple | list) and batch:
        first = batch[0]
        if isinstance(first, str | bytes):
            return len(batch)
        return _length(first, otherwise=len(batch))
    return _length(batch, otherwise=1)


def _length(value: Any, *, otherwise: int) -> int:
    try:
        return len(value)
    except TypeError:  # a number, or an array without dimensions
        return otherwise
