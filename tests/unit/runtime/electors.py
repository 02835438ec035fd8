"""Candidates for a lease, on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.kube.store import Store
from trainshed.runtime import leader


def elector(store: Store, holder: str, *, wall: float = 1_790_000_000.0) -> leader.Elector:
    """Return a candidate whose clock begins at `wall`."""
    loop = asyncio.get_running_loop()
    return leader.Elector(
        store,
        leader.Identity("trainshed-system", "trainshed-operator", holder),
        random=lambda: 0.5,
        wall_clock=lambda: wall + loop.time(),
    )


async def stopped(task: asyncio.Task[Any]) -> None:
    """End a task."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
