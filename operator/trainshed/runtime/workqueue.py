"""The queue of keys to reconcile: each key once, never twice at a time, urgent ones first.

Owns order, dedupe, delays and backoff. Knows nothing of what a key stands for. Time is the
event loop's, chance is handed in.
"""

from __future__ import annotations

import asyncio
import enum
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Priority(enum.IntEnum):
    """A lower number goes first."""

    HIGH = 0
    """Something changed, or a deadline of a job has come."""
    LOW = 1
    """The initial listing and the resync: new work must not wait behind a whole backlog."""


class Closed(Exception):
    """The queue gives out no more keys."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failing key waits: doubling, in seconds, less up to half by chance."""

    first: float = 1.0
    longest: float = 300.0

    def delay(self, failures: int, chance: float) -> float:
        """Return the wait after so many failures in a row; `chance` lies in 0…1."""
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 32))
        return full * (1.0 - chance / 2)


@dataclass(slots=True)
class _Timer:
    deadline: float
    priority: Priority
    handle: asyncio.TimerHandle


def _unobserved(priority: Priority, seconds: float) -> None:
    """Count nothing."""


class WorkQueue(Generic[K]):
    """Keys go round: `add`, `get`, `done`."""

    def __init__(
        self,
        *,
        random: Callable[[], float],
        backoff: Backoff | None = None,
        on_taken: Callable[[Priority, float], None] = _unobserved,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._random = random
        self._backoff = backoff if backoff is not None else Backoff()
        self._on_taken = on_taken
        """Called with the priority and the seconds that a key waited."""
        self._ready: dict[Priority, OrderedDict[K, float]] = {p: OrderedDict() for p in Priority}
        self._timers: dict[K, _Timer] = {}
        self._running: dict[K, float] = {}
        self._dirty: dict[K, Priority] = {}
        self._failures: dict[K, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def add(self, key: K, priority: Priority = Priority.HIGH) -> None:
        """Queue a key; one that is being worked on runs once more afterwards."""
        if self._closed:
            return
        if key in self._running:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
            return
        since = self._loop.time()
        for other in Priority:
            if key in self._ready[other]:
                if other <= priority:
                    return
                since = self._ready[other].pop(key)
        self._ready[priority][key] = since
        self._wake()

    def add_after(self, key: K, delay: float, priority: Priority = Priority.HIGH) -> None:
        """Queue a key after `delay` seconds; of several deadlines the earliest holds."""
        if delay <= 0:
            self.add(key, priority)
            return
        if self._closed:
            return
        deadline = self._loop.time() + delay
        timer = self._timers.get(key)
        if timer is not None:
            timer.priority = min(timer.priority, priority)
            if timer.deadline <= deadline:
                return
            timer.handle.cancel()
            priority = timer.priority
        handle = self._loop.call_at(deadline, self._due, key)
        self._timers[key] = _Timer(deadline, priority, handle)

    def retry(self, key: K, priority: Priority = Priority.HIGH) -> float:
        """Queue a key that failed, later each time in a row; return the wait in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = self._backoff.delay(failures, self._random())
        self.add_after(key, delay, priority)
        return delay

    def forget(self, key: K) -> None:
        """Reset a key's backoff after a success."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Wait for a key and take it; raise Closed once the queue is closed.

        A deadline set earlier dies with it: a pass sees everything and sets the next one.
        """
        while not self._closed:
            for priority, keys in self._ready.items():
                if keys:
                    return self._take(priority)
            getter = self._loop.create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if not getter.cancelled():
                    self._wake()
                raise
        raise Closed

    def done(self, key: K) -> None:
        """Say that the work on a key is over; it is queued again if it was added meanwhile."""
        del self._running[key]
        priority = self._dirty.pop(key, None)
        if priority is not None:
            self.add(key, priority)

    def close(self) -> None:
        """Give out no more keys and forget those that wait."""
        self._closed = True
        for timer in self._timers.values():
            timer.handle.cancel()
        self._timers.clear()
        for keys in self._ready.values():
            keys.clear()
        while self._getters:
            self._wake()

    def depth(self, priority: Priority) -> int:
        """Return how many keys wait to be taken."""
        return len(self._ready[priority])

    def running(self) -> int:
        """Return how many keys are being worked on."""
        return len(self._running)

    def longest_running_seconds(self) -> float:
        """Return how long the oldest piece of work has been going."""
        now = self._loop.time()
        return max((now - since for since in self._running.values()), default=0.0)

    def _take(self, priority: Priority) -> K:
        key, since = self._ready[priority].popitem(last=False)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.handle.cancel()
        now = self._loop.time()
        self._running[key] = now
        self._on_taken(priority, now - since)
        return key

    def _due(self, key: K) -> None:
        self.add(key, self._timers.pop(key).priority)

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return
