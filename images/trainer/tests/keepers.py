"""What keeps checkpoints of a run, as tests ask for it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np

from images.trainer.tests import datasets
from trainshed_trainer import schema
from trainshed_trainer.data import statistics
from trainshed_trainer.training import checkpoints

STATE = {"model": b"weights" * 100, "optimizer": b"moments", "random": b"dice"}
DATA = datasets.images()


FOLDER = {"data": {"folder": {"path": "/data/roses"}}}


def data(**fields: Any) -> dict[str, Any]:
    return {"data": {"name": "digits", **fields}}


def identity(**spec: Any) -> checkpoints.Identity:
    return checkpoints.identify(schema.read(spec), DATA)


def measured(mean: float, deviation: float = 0.3) -> checkpoints.Identity:
    """Return the identity of a run on data with these statistics."""
    column = np.array([[[mean]]], np.float32), np.array([[[deviation]]], np.float32)
    found = dataclasses.replace(DATA, statistics=statistics.Statistics(*column))
    return checkpoints.identify(schema.read({}), found)


def keeper(place: pathlib.Path | str, *, of: Any = None, **asked: Any) -> checkpoints.Keeper:
    found = schema.read({"checkpoint": asked}).checkpoint
    assert found is not None
    return checkpoints.open(found, str(place), of or identity(), writes=True)


def written(place: pathlib.Path, *steps: int, of: Any = None, **asked: Any) -> None:
    with keeper(place, of=of, **asked) as keeping:
        for step in steps:
            keeping.save(step, STATE, seconds=step / 10)


def names(place: pathlib.Path) -> list[str]:
    return sorted(each.name for each in place.iterdir())
