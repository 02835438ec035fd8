"""Runs the workers: takes keys, reconciles them, and decides when a failed one comes back.

One failing key stops nothing else. Knows nothing of what reconciling does.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic

from trainshed.kube import errors
from trainshed.runtime import workqueue
from trainshed.runtime.workqueue import K

log = logging.getLogger(__name__)

WORKERS = 512
"""Workers only wait; what bounds the load is the client's limiter. They must outnumber a burst:
a worker that waits to write a status starts no other job."""
DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """How a pass ended: when to look again without being told, in seconds."""

    requeue_after: float | None = None


class Retryable(Exception):
    """The pass could not finish; try again after `after` seconds, or backed off."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


Observe = Callable[[float, str], None]
"""Called after each pass with its seconds and the class of its error, or nothing."""


def unobserved(seconds: float, error: str) -> None:
    """Count nothing."""


class Workers(Generic[K]):
    """The tasks that empty one queue."""

    def __init__(
        self,
        queue: workqueue.WorkQueue[K],
        reconcile: Callable[[K], Awaitable[Result]],
        *,
        count: int = WORKERS,
        observe: Observe = unobserved,
    ) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._count = count
        self._observe = observe
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers."""
        self._tasks = [
            asyncio.create_task(self._work(), name=f"worker-{number}")
            for number in range(self._count)
        ]

    async def stop(self, grace: float = DRAIN_SECONDS) -> None:
        """Let the passes under way end within `grace` seconds, then cancel them."""
        self._queue.close()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _work(self) -> None:
        while True:
            try:
                key = await self._queue.get()
            except workqueue.Closed:
                return
            try:
                await self._pass(key)
            finally:
                self._queue.done(key)

    async def _pass(self, key: K) -> None:
        clock = asyncio.get_running_loop()
        started = clock.time()
        failure = ""
        try:
            result = await self._reconcile(key)
        except Exception as error:
            failure = type(error).__name__
            self._failed(key, error)
        else:
            self._queue.forget(key)
            if result.requeue_after is not None:
                self._queue.add_after(key, result.requeue_after)
        self._observe(clock.time() - started, failure)

    def _failed(self, key: K, error: Exception) -> None:
        context = {"key": str(key), "error": f"{type(error).__name__}: {error}"}
        match error:
            case errors.FencedOff():
                log.debug("reconcile_fenced_off", extra=context)
            case errors.Throttled():
                self._queue.add_after(key, error.retry_after or 1.0)
                log.warning("reconcile_throttled", extra=context)
            case Retryable(after=float() | int() as after):
                self._queue.add_after(key, after)
                log.debug("reconcile_again", extra=context)
            case Retryable() | errors.Conflict():
                self._queue.retry(key)
                log.debug("reconcile_again", extra=context)
            case errors.ApiError():
                delay = self._queue.retry(key)
                log.warning("reconcile_failed", extra={**context, "retry_seconds": delay})
            case _:
                delay = self._queue.retry(key)
                log.error(
                    "reconcile_crashed",
                    extra={**context, "retry_seconds": delay},
                    exc_info=error,
                )


async def watch_lag(observe: Callable[[float], None], *, period: float = 0.25) -> None:
    """Report each `period` how late the event loop came back, in seconds, until cancelled."""
    clock = asyncio.get_running_loop()
    while True:
        due = clock.time() + period
        await asyncio.sleep(period)
        observe(max(0.0, clock.time() - due))


def calm_garbage_collector() -> None:
    """Collect less often: decoding JSON makes many objects and no cycles (a third of the CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
