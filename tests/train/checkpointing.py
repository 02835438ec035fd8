"""How long a checkpoint of hundreds of megabytes keeps a run from its next step."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from typing import Any

from trainshed_trainer import context, cpus, schema

HIDDEN = 1664
SAMPLES = 128
STEPS = 20
MINUTE = 60.0
LEAST_BYTES = 200e6
ROUNDS = 3


def main(framework: str) -> dict[str, float]:
    """Return percent of a minute that a run is blocked, and the bytes of its state."""
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import checkpoints, courses

    spec = schema.read(
        {
            "framework": framework,
            "model": {"name": "lstm", "params": {"hidden": HIDDEN}},
            "data": {"name": "moving-digits", "samples": SAMPLES},
            "training": {"epochs": 1, "batchSize": 2},
            "checkpoint": {"everySeconds": int(MINUTE)},
        }
    )
    data = preparing.prepare(spec.data)
    opened = importlib.import_module(f"trainshed_trainer.training.{framework}")
    order = courses.plan(spec.training, samples=len(data.train.labels)).order(1, done=0)
    assert spec.checkpoint is not None
    with tempfile.TemporaryDirectory(dir=context.read().checkpoint_dir or None) as folder:
        identity = checkpoints.identify(spec, data)
        keeper = checkpoints.open(spec.checkpoint, folder, identity, writes=True)
        with contextlib.closing(opened.open(spec, data)) as backend, keeper:
            _steps(backend, order, STEPS)
            usual = _steps(backend, order, STEPS)
            found = [_blocked(backend, keeper, order, usual, number) for number in range(ROUNDS)]
            size = sum(len(part) for part in backend.state().values())
    assert size >= LEAST_BYTES, size
    return {"percent": 100 * statistics.median(found) / MINUTE, "bytes": size}


def _blocked(backend: Any, keeper: Any, order: Any, usual: float, number: int) -> float:
    """Return the seconds that steps come later by: of the call, and of those beside the writing."""
    began = time.perf_counter()
    whole: list[int] = []
    keeper.save(number + 1, backend.state(), seconds=0.0, then=whole.append)
    steps = 0
    while not whole:
        _steps(backend, order, 1)
        steps += 1
    return time.perf_counter() - began - steps * usual / STEPS


def _steps(backend: Any, order: Any, count: int) -> float:
    """Take so many steps; return their seconds."""
    began = time.perf_counter()
    with contextlib.closing(backend.batches(order, epoch=1)) as batches:
        for _, batch in zip(range(count), batches, strict=False):
            float(backend.step(batch, 0.001))
    return time.perf_counter() - began


if __name__ == "__main__":
    cpus.advise(os.environ)
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")
