"""What `Run` costs each step, in a job whose metrics are served: alone, and of a real step."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from trainshed_trainer import context, cpus, run, schema

STEPS = 20_000
ROUNDS = 7
BLOCKS = 40
"""Pairs of blocks of real steps, with and without `Run`."""
EPOCHS_A_BLOCK = 2
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
    """Return what part of a real step `Run` is, in percent: the median of paired blocks."""
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import courses

    spec = schema.read({"framework": framework, "training": {"epochs": 1}})
    data = preparing.prepare(spec.data)
    opened = importlib.import_module(f"trainshed_trainer.training.{framework}")
    order = courses.plan(spec.training, samples=len(data.train.labels)).order(1, done=0)
    with contextlib.closing(opened.open(spec, data)) as backend:
        _block(backend, order, telling=None)
        found = []
        for number in range(BLOCKS):
            seconds = {}
            for told in (False, True) if number % 2 else (True, False):
                with run.Run(known=JOB) if told else contextlib.nullcontext() as telling:
                    seconds[told] = _block(backend, order, telling=telling)
            found.append(seconds[True] / seconds[False] - 1)
    return 100 * statistics.median(found)


def _block(backend: Any, order: Any, *, telling: run.Run | None) -> float:
    began = time.perf_counter()
    for _ in range(EPOCHS_A_BLOCK):
        batches = backend.batches(order, epoch=1)
        for batch in batches if telling is None else telling.steps(batches, samples=64):
            loss = backend.step(batch, 0.001)
            if telling is not None:
                telling.log(loss=loss, learning_rate=0.001)
    float(loss)
    return time.perf_counter() - began


if __name__ == "__main__":
    cpus.advise(os.environ)
    cost = least(counted, range(ROUNDS)) - least(bare, range(ROUNDS))
    sys.stdout.write(json.dumps({"us_per_step": cost, "percent": share(sys.argv[1])}) + "\n")
