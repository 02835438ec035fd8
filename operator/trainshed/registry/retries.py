"""Tries again what may work a moment later: a few times, and never at the same moment as others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from trainshed.registry import errors

Sleep = Callable[[float], Awaitable[None]]
Random = Callable[[], float]
"""Gives a number from 0 to 1."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and after how many seconds."""

    sleep: Sleep
    random: Random
    attempts: int = 3
    first_wait: float = 0.4
    longest_wait: float = 10.0
    """Who asks for more is believed, and left to a later build."""

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what the work gives; raises what it raised last."""
        for attempt in range(self.attempts - 1):
            try:
                return await work()
            except errors.Unavailable as error:
                wait = error.retry_after or self.first_wait * 2**attempt
                if error.slow or wait > self.longest_wait:
                    raise
            await self.sleep(wait * (1 + self.random() / 2))
        return await work()


async def in_time(work: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Return what some work gives; raises Unavailable where it takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await work()
    except TimeoutError as error:
        raise errors.Unavailable(
            f"the build took more than {seconds:.0f} s: it is tried again", slow=True
        ) from error
