"""Work that no job waits for: done once its image is there, and told of in the log if it fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from trainshed.registry import errors

_AT_ONCE = 2
_log = logging.getLogger(__name__)


class Afterwards:
    """What is still to be done, a little at a time: what jobs wait for goes before it."""

    def __init__(self, *, delay: float) -> None:
        """Begin each piece after `delay` seconds, or when it is waited for."""
        self._delay = delay
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._now = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        """Do some work later."""
        task = asyncio.create_task(self._do(what, work), name=f"afterwards {what}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def done(self, *, within: float) -> None:
        """Do all that is left at once; give up what takes longer than so many seconds."""
        self._now.set()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within)
        self._now.clear()

    async def close(self) -> None:
        """Leave what is not done."""
        tasks = list(self._tasks)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _do(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._delay):
                await self._now.wait()
        async with self._free:
            try:
                await work()
            except (errors.RegistryError, errors.NotFound) as error:
                _log.warning("afterwards_failed what=%s error=%s", what, error or "it is gone")
            except Exception:
                _log.exception("afterwards_broke what=%s", what)
