"""Tasks that live as long as a context, and take the process down when they die.

A part that ended without a word would leave an operator that looks well and does half its work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def owned(
    name: str, work: Coroutine[Any, Any, None], *, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Run a task while the context is open.

    `stop` is set when the task ends before; what ended it is raised when the context closes.
    """
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(lambda ended: _tell(ended, stop))
    try:
        yield
        if task.done():
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell(ended: asyncio.Task[None], stop: asyncio.Event) -> None:
    if ended.cancelled():
        return
    stop.set()
    if (error := ended.exception()) is not None:
        log.error("task_died", extra={"task": ended.get_name()}, exc_info=error)
