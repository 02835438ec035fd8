"""What a checkpoint is of: only a run that is the same in all this may go on from it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainshed_trainer import schema
from trainshed_trainer.schema import reading
from trainshed_trainer.training import backends

MODEL = ("framework", "model.name", "model.params", "the shape of inputs", "the classes")
"""What has to be the same where only the weights are taken over."""
MEASURED = ("the mean of the pixels", "the deviation of the pixels")
"""What the inputs are normalised by. Of one set two machines may measure other last digits."""
FREE = frozenset(
    {
        "training.epochs",
        "training.maxSteps",
        "training.target",
        "training.compile",
        "data.maxCorrupt",
        "data.cacheBytes",
    }
)
"""What of data and training may change: when the run ends, and how the same is done."""
CLOSENESS = 1e-5
"""How far apart those that are measured may be, absolute and of their size."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Plain values by the name that a person knows them by."""

    values: Mapping[str, Any]

    def differences(self, other: Mapping[str, Any], *, weights_only: bool) -> list[str]:
        """Return in words what is not the same in another run."""
        names = MODEL if weights_only else tuple(self.values)
        return [
            f"{name} is {_shown(other.get(name))} there and {_shown(self.values[name])} here"
            for name in names
            if not _same(name, other.get(name), self.values[name])
        ]


def identify(spec: schema.Spec, data: backends.Prepared) -> Identity:
    """Return the identity of a run on prepared data."""
    values = {
        "framework": spec.framework,
        "model.name": spec.model.name,
        "model.params": dataclasses.asdict(spec.model.params),
        "the shape of inputs": data.train.shape,
        "the classes": tuple(data.classes),
        **dict(_fields(spec.data, "data")),
        **dict(_fields(spec.training, "training")),
        "the number of training samples": len(data.train.labels),
    }
    if data.statistics is not None:
        values |= dict(zip(MEASURED, data.statistics.to_dict().values(), strict=True))
    # As they come back from a file: tuples are lists there.
    return Identity(json.loads(json.dumps(values)))


def _fields(part: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield the fields below a part of the spec, but for those that may change."""
    for each in dataclasses.fields(part):
        name, value = f"{where}.{reading.camel(each.name)}", getattr(part, each.name)
        if name in FREE:
            continue
        if dataclasses.is_dataclass(value):
            yield from _fields(value, name)
        else:
            yield name, value


def _same(name: str, one: Any, other: Any) -> bool:
    """Return whether two values are equal, as far as they can be told twice."""
    lists = isinstance(one, list) and isinstance(other, list) and len(one) == len(other)
    if name not in MEASURED or not lists:
        return bool(one == other)
    return all(
        isinstance(each, float) and math.isclose(each, found, rel_tol=CLOSENESS, abs_tol=CLOSENESS)
        for each, found in zip(one, other, strict=True)
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        value = [round(each, 6) if isinstance(each, float) else each for each in value]
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
