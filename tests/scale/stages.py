"""The parts of the bench, one after the other: one that breaks off costs none of the others.

Figures are handed over as they are found, so that what comes later can't lose them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import aiohttp
import httpx

from hack import apiserver

Keep = Callable[[Mapping[str, float]], None]
Stage = Callable[[Keep], Awaitable[None]]
TROUBLE = (TimeoutError, apiserver.Refused, httpx.HTTPError, aiohttp.ClientError)
"""What a stage may end with; anything else is a mistake in the bench."""


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)  # noqa: T201


async def run(stages: Mapping[str, Stage], *, keep: Keep) -> list[str]:
    """Run all stages and return one sentence for each that broke off."""
    broken = []
    for name, stage in stages.items():
        try:
            await stage(keep)
        except TROUBLE as error:
            broken.append(f"{name} broke off: {str(error) or type(error).__name__}")
            say(broken[-1])
    return broken
