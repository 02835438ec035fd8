"""One training of ours, timed as the plain scripts time theirs. Runs in an image."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Generator
from typing import Any

from trainshed_trainer import context, cpus, schema

DATA = {"cnn": "digits", "cnn-attention": "digits", "lstm": "moving-digits"}
JOB = context.Context(job="bench", metrics_port=0)


class Timed:
    """A backend that notes when training begins and ends in each epoch."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.began: list[float] = []
        self.ended: list[float] = []
        self.first_step_time = 0.0
        self.accuracy = 0.0
        self.step = self._first_step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def batches(self, order: Any, *, epoch: int) -> Generator[Any, None, None]:
        """Begin an epoch."""
        self.began.append(time.perf_counter())
        found: Generator[Any, None, None] = self._backend.batches(order, epoch=epoch)
        return found

    def evaluate(self) -> dict[str, float]:
        """End an epoch."""
        self.ended.append(time.perf_counter())
        found: dict[str, float] = self._backend.evaluate()
        self.accuracy = found["accuracy"]
        return found

    def _first_step(self, batch: Any, rate: float) -> Any:
        loss = self._backend.step(batch, rate)
        float(loss)  # waits for the device
        self.first_step_time = time.time()
        self.step = self._backend.step
        return loss


def main() -> None:
    """Train, and print what the plain scripts print."""
    asked = _asked()
    cpus.advise(os.environ)
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import loop

    name = asked.model.replace("_", "-")
    training = {"epochs": asked.epochs, "batchSize": asked.batch_size, "seed": asked.seed}
    spec = schema.read(
        {
            "framework": asked.framework,
            "model": {"name": name},
            "data": {"name": DATA.get(name, "moving-digits")},
            "training": training,
        }
    )
    data = preparing.prepare(spec.data)
    samples = len(data.train.labels)
    framework = importlib.import_module(f"trainshed_trainer.training.{asked.framework}")
    with contextlib.closing(framework.open(spec, data)) as backend:
        timed = Timed(backend)
        loop.train(spec.training, timed, samples=samples, known=JOB)
    # The first epoch has what happens once, such as making a graph.
    pairs = zip(timed.began[1:], timed.ended[1:], strict=True)
    seconds = sum(ended - began for began, ended in pairs)
    samples *= asked.epochs - 1
    found = {"samples": samples, "seconds": seconds, "samples_per_second": samples / seconds}
    found |= {"accuracy": timed.accuracy, "first_step_time": timed.first_step_time}
    sys.stdout.write(json.dumps(found) + "\n")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--framework", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
