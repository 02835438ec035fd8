"""Counts the steps of a loop that a library drives. It knows no library."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from trainshed_trainer import run


class Stepping:
    """Is told when a step begins and ends; what lies between two steps is the wait for data."""

    def __init__(self, telling: run.Run, clock: Callable[[], float] = time.perf_counter) -> None:
        """`telling`: the run, entered by who made it. `clock`: seconds."""
        self._telling = telling
        self._clock = clock
        self._asked = self._got = clock()

    def rest(self) -> None:
        """Have what lies between here and the step before in no count, such as evaluation."""
        self._asked = self._clock()

    def begin(self) -> None:
        """Begin a step: its batch is there."""
        self._got = self._clock()

    def end(self, *, samples: int, steps: int = 1) -> bool:
        """End one step, or some that the library took at once; return whether to go on.

        `samples`: how many they had together.
        """
        done = self._clock()
        step, wait = (done - self._got) / steps, (self._got - self._asked) / steps
        for number in range(steps):
            share = samples * (number + 1) // steps - samples * number // steps
            self._telling.count(step, wait, share)
        self._asked = done
        return not self._telling.stopping


def told(metrics: Mapping[str, Any], *, prefix: str) -> dict[str, float]:
    """Return the evaluation's metrics, which a library tells by a prefix, by their own names."""
    return {
        name.removeprefix(prefix): float(value)
        for name, value in metrics.items()
        if name.startswith(prefix) and len(name) > len(prefix)
    }
