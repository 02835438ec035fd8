"""The performance test: how fast the model trains, without warm-up, evaluation or checkpoints."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainshed_trainer import run, schema
from trainshed_trainer.evaluation import lenses
from trainshed_trainer.training import backends, courses

BACKWARD = 3
"""A training step has about three times a forward pass's operations."""
PEAK = "TRAINSHED_PEAK_FLOPS"


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of timed steps of all processes, in seconds; `wait`: the share that data took."""

    steps: int
    p50: float
    p95: float
    samples_per_second: float
    wait: float

    def to_dict(self) -> dict[str, Any]:
        """Return what the account has of it."""
        return {
            "steps": self.steps,
            "stepSeconds": {"p50": _short(self.p50), "p95": _short(self.p95)},
            "samplesPerSecond": _short(self.samples_per_second),
            "dataWaitRatio": _short(self.wait),
        }


def measure(
    asked: schema.Performance,
    backend: backends.Backend,
    course: courses.Course,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Measured:
    """Time training steps, each to its end on the device; the model is as before afterwards."""
    state = backend.state()
    waits, seconds, samples = [], [], 0
    with contextlib.closing(_batches(backend, course)) as batches:
        for number in range(asked.warmup_steps + asked.steps):
            began = clock()
            batch = next(batches)
            got = clock()
            # The rate is 0, but what a step counts and remembers is not undone by that.
            float(backend.step(batch, 0.0))
            done = clock()
            if number >= asked.warmup_steps:
                waits.append(got - began)
                seconds.append(done - began)
                samples += int(batch.samples)
    backend.restore(state)
    p50, p95 = np.percentile(seconds, [50, 95]).tolist()
    total = sum(seconds)
    return Measured(asked.steps, p50, p95, samples / total, sum(waits) / total)


def utilisation(
    samples_per_second: float,
    flops: int,
    *,
    world: int,
    environment: Mapping[str, str] = os.environ,
) -> float | None:
    """Return the share of the devices' peak that the model's operations make up.

    `flops`: of one sample's forward pass. None where no peak, in operations a second, is known.
    """
    try:
        peak = float(environment.get(PEAK, ""))
    except ValueError:
        return None
    return samples_per_second * BACKWARD * flops / (peak * world) if 0 < peak < np.inf else None


def _batches(backend: backends.Backend, course: courses.Course) -> Generator[Any, None, None]:
    """Yield batches of whole epochs without end."""
    for epoch in itertools.count(1):
        order = np.random.default_rng([course.seed, epoch]).permutation(course.samples)
        with contextlib.closing(backend.batches(order, epoch=epoch)) as batches:
            yield from batches


def _short(value: float) -> float:
    return float(f"{value:.4g}")


class Test:
    """An observer that tests a finished run; `found`: what it has measured.

    All processes step together; the first one, which has the lens, tells of it.
    """

    def __init__(
        self,
        asked: schema.Performance,
        backend: backends.Backend,
        course: courses.Course,
        *,
        world: int,
        lens: Callable[[], lenses.Lens] | None,
    ) -> None:
        self._asked = asked
        self._backend = backend
        self._course = course
        self._world = world
        self._lens = lens
        self.found: Measured | None = None
        self.utilisation: float | None = None

    def stepping(self, telling: run.Run) -> None:
        """Nothing to do."""

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Nothing to do."""

    def finished(self, telling: run.Run) -> None:
        """Measure, and put it into the account."""
        self.found = measure(self._asked, self._backend, self._course)
        if self._lens is None:
            return
        lens = self._lens()
        told = self.found.to_dict() | {"parameters": lens.parameters(), "flops": lens.flops()}
        speed = self.found.samples_per_second
        self.utilisation = utilisation(speed, told["flops"], world=self._world)
        if self.utilisation is not None:
            told["utilisation"] = _short(self.utilisation)
        telling.record(performance=told)
