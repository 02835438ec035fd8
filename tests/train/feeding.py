"""`python3 -m tests.train.feeding pytorch FOLDER`: feed images of ours, decoded in each epoch.

As the plain scripts feed theirs, and timed as they time it: without a model. Runs in an image.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import sys
import time
from typing import Any

from trainshed_trainer import cpus, schema

EPOCHS = 4


def cpu_seconds() -> float:
    """Return what this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def feed(spec: schema.Spec, split: Any) -> Any:
    """Return what feeds a framework."""
    home = f"trainshed_trainer.training.{spec.framework}"
    feeding, devices = (
        importlib.import_module(f"{home}.{each}") for each in ("feeding", "devices")
    )
    device = devices.choose(spec.training, local=0)
    return feeding.feed(split) if spec.framework == "tensorflow" else feeding.feed(split, device)


def main() -> None:
    """Feed, and print what the plain scripts print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework")
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, required=True)
    asked = parser.parse_args()
    cpus.advise(os.environ)
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import courses, ranks

    spec = schema.read(
        {
            "framework": asked.framework,
            "data": {
                "folder": {"path": asked.folder, "layout": "images"},
                "preprocess": {"resize": [asked.size] * 2, "augment": ["hflip", "crop"]},
            },
            "training": {"epochs": EPOCHS, "batchSize": 64},
        }
    )
    # A small set would be kept: here it is fed as one that is too large for the memory.
    split = preparing.prepare(spec.data, room=preparing.Room(kept=0)).train
    found = feed(spec, split)
    course = courses.plan(spec.training, samples=len(split.labels))
    began, before, samples = time.perf_counter(), cpu_seconds(), 0
    for epoch in range(1, EPOCHS + 1):
        order = course.order(epoch, done=(epoch - 1) * course.epoch_steps)
        portions = list(ranks.portions(order, size=course.size, ranks=ranks.ALONE))
        for batch in found.batches(portions, epoch=epoch):
            samples += batch.samples
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - before
    told = {"samples": samples, "seconds": seconds, "cpu_seconds": cpu}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
