"""What `Run` costs each step, in microseconds, in a job whose metrics are served."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

from trainshed_trainer import context, run

STEPS = 20_000
ROUNDS = 7


def bare(steps: int) -> float:
    """Return the seconds of a loop that does nothing."""
    began = time.perf_counter()
    for _ in range(steps):
        pass
    return time.perf_counter() - began


def counted(steps: int) -> float:
    """Return the seconds of the same loop under a `Run` that is told loss and rate."""
    known = context.Context(job="bench", metrics_port=0)
    with run.Run(known=known, total_steps=steps) as telling:
        began = time.perf_counter()
        for _ in telling.steps(range(steps), samples=64):
            telling.log(loss=0.5, learning_rate=0.001)
        return time.perf_counter() - began


def least(measure: Callable[[int], float], rounds: Iterable[int]) -> float:
    """Return the least microseconds a step of several rounds: noise only ever adds."""
    return min(measure(STEPS) for _ in rounds) / STEPS * 1e6


if __name__ == "__main__":
    base, full = least(bare, range(ROUNDS)), least(counted, range(ROUNDS))
    sys.stdout.write(f"{full - base:.2f} us a step ({full:.2f} counted, {base:.2f} bare)\n")
