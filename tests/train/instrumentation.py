"""What `Run` costs each step, in a job whose metrics are served: alone, and of a real step."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from trainshed_trainer import context, cpus, run, schema

STEPS = 20_000
ROUNDS = 7
EPOCHS = 60
"""Of real steps, with and without `Run`."""
JOB = context.Context(job="bench", metrics_port=0)


def bare(steps: int) -> float:
    """Return the seconds of a loop that does nothing."""
    began = time.perf_counter()
    for _ in range(steps):
        pass
    return time.perf_counter() - began


def counted(steps: int) -> float:
    """Return the seconds of the same loop under a `Run` that is told loss and rate."""
    with run.Run(known=JOB, total_steps=steps) as telling:
        began = time.perf_counter()
        for _ in telling.steps(range(steps), samples=64):
            telling.log(loss=0.5, learning_rate=0.001)
        return time.perf_counter() - began


def least(measure: Callable[[int], float], rounds: Iterable[int]) -> float:
    """Return the least microseconds a step of several rounds: noise only ever adds."""
    return min(measure(STEPS) for _ in rounds) / STEPS * 1e6


def share(framework: str) -> float:
    """Return what part of a real step `Run` is, in percent: the median of pairs of steps."""
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import courses

    spec = schema.read({"framework": framework, "training": {"epochs": 1}})
    data = preparing.prepare(spec.data)
    opened = importlib.import_module(f"trainshed_trainer.training.{framework}")
    order = courses.plan(spec.training, samples=len(data.train.labels)).order(1, done=0)
    with contextlib.closing(opened.open(spec, data)) as backend, run.Run(known=JOB) as telling:
        pairs = [pair for _ in range(EPOCHS) for pair in _pairs(backend, order, telling)]
    return 100 * (statistics.median(told / bare for told, bare in pairs) - 1)


def _pairs(backend: Any, order: Any, telling: run.Run) -> Iterator[tuple[float, float]]:
    """Yield the seconds of a step with `Run` and of one without, each first in every other pair.

    Of steps that follow one another: the machine's speed changes by more than `Run` costs.
    """
    bare = backend.batches(order, epoch=1)
    told = telling.steps(backend.batches(order, epoch=1), samples=64)
    with contextlib.closing(bare):
        for number in itertools.count():
            seconds = {}
            for which in (told, bare) if number % 2 else (bare, told):
                began = time.perf_counter()
                batch = next(which, None)
                if batch is None:
                    return
                loss = backend.step(batch, 0.001)
                if which is told:
                    telling.log(loss=loss, learning_rate=0.001)
                float(loss)  # waits for the device
                seconds[which] = time.perf_counter() - began
            yield seconds[told], seconds[bare]


if __name__ == "__main__":
    cpus.advise(os.environ)
    cost = least(counted, range(ROUNDS)) - least(bare, range(ROUNDS))
    sys.stdout.write(json.dumps({"us_per_step": cost, "percent": share(sys.argv[1])}) + "\n")
