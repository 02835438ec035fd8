"""What keeps checkpoints of a run, as tests ask for it."""

from __future__ import annotations

import pathlib
from typing import Any

from images.trainer.tests import datasets
from trainshed_trainer import schema
from trainshed_trainer.training import checkpoints

STATE = {"model": b"weights" * 100, "optimizer": b"moments", "random": b"dice"}
DATA = datasets.images()


FOLDER = {"data": {"folder": {"path": "/data/roses"}}}


def data(**fields: Any) -> dict[str, Any]:
    return {"data": {"name": "digits", **fields}}


def identity(**spec: Any) -> checkpoints.Identity:
    return checkpoints.identify(schema.read(spec), DATA)


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
