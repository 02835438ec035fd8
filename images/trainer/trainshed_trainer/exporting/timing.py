"""How long an exported model takes to answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]
WARMUP_CALLS = 5
MOST_CALLS = 200
MOST_SECONDS = 1.0
BATCH = 32


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of one call with `samples` inputs."""

    samples: int
    p50: float
    p95: float


def measure(
    answer: Answer,
    inputs: NDArray[np.float32],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Return the seconds of calls with these inputs, up to a second in all, after a warm-up."""
    for _ in range(WARMUP_CALLS):
        answer(inputs)
    seconds: list[float] = []
    while len(seconds) < MOST_CALLS and sum(seconds) < MOST_SECONDS:
        began = clock()
        answer(inputs)
        seconds.append(clock() - began)
    p50, p95 = np.percentile(seconds, [50, 95]).tolist()
    return Latency(len(inputs), p50, p95)
