"""Waits on conditions: each has a deadline and a sentence that says what it waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

from hack.cluster import console, errors

INTERVAL_SECONDS = 0.1

# Returns None when it holds, else what is still missing.
Condition = Callable[[], str | None]


def until(
    what: str,
    condition: Condition,
    *,
    seconds: float,
    every: float = INTERVAL_SECONDS,
    step: console.Step | None = None,
    hint: str = "",
) -> None:
    """Wait until condition returns None; what it returns instead says what is still missing.

    `every`: seconds between two looks, more where one look is dear.
    """
    deadline = time.monotonic() + seconds
    while (missing := condition()) is not None:
        if time.monotonic() >= deadline:
            tail = f"\n{hint}" if hint else ""
            raise errors.TimedOut(f"waited {seconds:.0f} s for {what}: {missing}{tail}")
        if step is not None:
            step.update(f"waiting for {what}: {missing}")
        time.sleep(every)
