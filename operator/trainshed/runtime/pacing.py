"""Lets pushes reach the status slowly: so often a job, and so many a second for the fleet.

The newest push is in the cache whatever happens here; only the wake-up waits for its turn.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from trainshed.core import observed

Key = observed.JobKey


class Pacer:
    """Wakes keys at a bounded rate, each at most once an interval."""

    def __init__(
        self,
        wake: Callable[[Key], None],
        *,
        per_second: float = 10.0,
        interval: float = 10.0,
    ) -> None:
        """Wake at most `per_second` keys a second, and one key each `interval` seconds."""
        self._wake = wake
        self._gap = 1.0 / per_second
        self._interval = interval
        self._waiting: OrderedDict[Key, float] = OrderedDict()
        self._last: dict[Key, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def offer(self, key: Key, *, now: bool = False) -> None:
        """Ask for a wake-up of a key; `now` skips its interval, as for a first or last push."""
        clock = asyncio.get_running_loop().time()
        due = clock if now else self._last.get(key, -self._interval) + self._interval
        self._waiting[key] = min(due, self._waiting.get(key, due))
        self._schedule()

    def forget(self, key: Key) -> None:
        """Drop a key that is gone."""
        self._waiting.pop(key, None)
        self._last.pop(key, None)

    def close(self) -> None:
        """Wake nobody any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            at = max(self._next, min(self._waiting.values()))
            self._timer = asyncio.get_running_loop().call_at(at, self._release)

    def _release(self) -> None:
        self._timer = None
        clock = asyncio.get_running_loop().time()
        key, due = min(self._waiting.items(), key=lambda each: each[1])
        if due <= clock:
            del self._waiting[key]
            self._last[key] = clock
            self._next = clock + self._gap
            self._wake(key)
        self._schedule()
