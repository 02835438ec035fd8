"""Remembers what was found a moment ago, so that it is not asked for again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """At most `room` values, each for `seconds` of the clock."""

    def __init__(self, clock: Callable[[], float], *, seconds: float, room: int = 1024) -> None:
        """Begin with none."""
        self._clock = clock
        self._seconds = seconds
        self._room = room
        # The oldest first: dictionaries keep the order in which keys came.
        self._kept: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """Return what is known of a key; None where it is unknown or past."""
        known = self._kept.get(key)
        if known is None or self._clock() - known[0] >= self._seconds:
            return None
        return known[1]

    def put(self, key: K, value: V) -> None:
        """Remember a value from now on."""
        self._kept.pop(key, None)
        self._kept[key] = (self._clock(), value)
        while len(self._kept) > self._room:
            del self._kept[next(iter(self._kept))]
