"""Runs a piece of work once for all who ask for it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Flights:
    """The work that is going on, by its key. Nothing is remembered of what has ended."""

    def __init__(self) -> None:
        """Begin with none."""
        self._tasks: dict[Hashable, asyncio.Task[Any]] = {}

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the work of this key gives: of the one going on, else of a new one."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(work(), name=f"flight {key}")
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        # One asker that goes away must not take the work from the others.
        result: T = await asyncio.shield(task)
        return result

    async def close(self) -> None:
        """End what is going on."""
        going = list(self._tasks.values())
        for each in going:
            each.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    def _landed(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            # Looked at even where every asker has gone: else asyncio complains of it later.
            task.exception()
