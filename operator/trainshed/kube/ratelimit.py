"""Decides which write goes next: token buckets, slots in flight and the order of lanes.

Job creations go before status writes, both before Kubernetes events, and all before the
statuses of classes. A lane never waits behind a lower one. Knows nothing of HTTP; time is the event
loop's.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType


class Lane(enum.IntEnum):
    """What kind of write it is; a lower number goes first."""

    CREATE = 0
    """Creations and deletions of children: what a person waits for."""
    STATUS = 1
    EVENT = 2
    CLASS = 3
    """Statuses of classes: they follow nodes, which change in crowds, and nobody waits for one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Writes a second, and how many may be under way at once."""

    per_second: float = 200.0
    burst: int = 400
    events_per_second: float = 20.0
    events_burst: int = 40
    classes_per_second: float = 5.0
    classes_burst: int = 20
    in_flight: Mapping[Lane, int] = field(
        default_factory=lambda: {Lane.CREATE: 32, Lane.STATUS: 24, Lane.EVENT: 2, Lane.CLASS: 1}
    )
    """For each lane, the writes of all lanes under way at which it must wait.

    The lowest lanes stop first, so that a creation finds a free slot at once; events and classes
    count only themselves.
    """
    in_flight_beside_creates: Mapping[Lane, int] = field(
        default_factory=lambda: {Lane.STATUS: 2, Lane.EVENT: 1, Lane.CLASS: 1}
    )
    """The same while Jobs are being created, and for `calm_seconds` after the last one.

    In a burst the API server's processors are what is scarce: each status written meanwhile
    makes a Job come later, and most of these statuses are out of date once they are stored.
    """
    calm_seconds: float = 0.2


class Bucket:
    """A token bucket filled continuously."""

    def __init__(self, per_second: float, burst: int, *, now: float) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = now

    def fill(self, now: float) -> None:
        """Add the tokens of the time passed."""
        passed = now - self._filled
        self._tokens = min(self._burst, self._tokens + passed * self._per_second)
        self._filled = now

    def take(self) -> bool:
        """Take one token if there is one."""
        # The margin covers the rounding of a timer that was set for exactly one token.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True

    def seconds_to_next(self) -> float:
        """Return how long until a token is there."""
        return max(0.0, (1.0 - self._tokens) / self._per_second)


class Slot:
    """The right to send one write. An async context manager."""

    __slots__ = ("_lane", "_limiter")

    def __init__(self, limiter: Limiter, lane: Lane) -> None:
        self._limiter = limiter
        self._lane = lane

    async def __aenter__(self) -> None:
        await self._limiter.acquire(self._lane)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._limiter.release(self._lane)


class Limiter:
    """The gate that every write of this process passes."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits if limits is not None else Limits()
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        writes = Bucket(self._limits.per_second, self._limits.burst, now=now)
        events = Bucket(self._limits.events_per_second, self._limits.events_burst, now=now)
        classes = Bucket(self._limits.classes_per_second, self._limits.classes_burst, now=now)
        self._buckets = {
            Lane.CREATE: writes,
            Lane.STATUS: writes,
            Lane.EVENT: events,
            Lane.CLASS: classes,
        }
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in Lane}
        self._under_way = dict.fromkeys(Lane, 0)
        self._paused_until = now
        self._calm_from = now
        self._timer: asyncio.TimerHandle | None = None

    def slot(self, lane: Lane) -> Slot:
        """Return a context manager that waits for its turn in `lane`."""
        return Slot(self, lane)

    def pause(self, seconds: float) -> None:
        """Let nothing through for `seconds`, as a Retry-After asks."""
        self._paused_until = max(self._paused_until, self._loop.time() + seconds)

    async def acquire(self, lane: Lane) -> None:
        """Wait for the lane's turn. Each return must be followed by one `release`."""
        if not any(self._waiting[other] for other in Lane if other <= lane):
            self._fill()
            if self._grant(lane):
                return
        turn = self._loop.create_future()
        self._waiting[lane].append(turn)
        self._pump()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.release(lane)
            raise

    def release(self, lane: Lane) -> None:
        """Say that a write of `lane` is over."""
        self._under_way[lane] -= 1
        if lane is Lane.CREATE:
            self._calm_from = self._loop.time() + self._limits.calm_seconds
        self._pump()

    def _fill(self) -> None:
        now = self._loop.time()
        for lane in (Lane.CREATE, Lane.EVENT, Lane.CLASS):
            self._buckets[lane].fill(now)

    def _grant(self, lane: Lane) -> bool:
        if self._paused_until > self._loop.time() or not self._has_slot(lane):
            return False
        if not self._buckets[lane].take():
            return False
        self._under_way[lane] += 1
        return True

    def _has_slot(self, lane: Lane) -> bool:
        if lane is Lane.CREATE:
            busy = self._under_way[Lane.CREATE] + self._under_way[Lane.STATUS]
            return busy < self._limits.in_flight[lane]
        if self._creating():
            return self._under_way[lane] < self._limits.in_flight_beside_creates[lane]
        counted = (Lane.CREATE, Lane.STATUS) if lane is Lane.STATUS else (lane,)
        return sum(self._under_way[other] for other in counted) < self._limits.in_flight[lane]

    def _creating(self) -> bool:
        return bool(self._under_way[Lane.CREATE]) or self._loop.time() < self._calm_from

    def _pump(self) -> None:
        self._fill()
        for lane in Lane:
            queue = self._waiting[lane]
            while queue and (queue[0].done() or self._grant(lane)):
                turn = queue.popleft()
                if not turn.done():  # else it was cancelled while it waited
                    turn.set_result(None)
            if queue:
                self._wake_later(lane)
                break

    def _wake_later(self, lane: Lane) -> None:
        if self._timer is not None or not self._has_slot(lane):
            return  # where no slot is free, the next release pumps
        pause = self._paused_until - self._loop.time()
        delay = max(pause, self._buckets[lane].seconds_to_next(), 0.001)
        self._timer = self._loop.call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._pump()
