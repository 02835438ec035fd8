"""All of a built-in run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainshed_trainer import limits
from trainshed_trainer.schema import checkpoint, data, model, reading, training


@dataclass(frozen=True, slots=True)
class Spec:
    """A built-in run. `checkpoint`: None writes none."""

    framework: str = limits.one_of("pytorch", "tensorflow")
    model: model.Model = field(default_factory=model.Model)
    data: data.Data = field(default_factory=lambda: data.Data(name="digits"))
    training: training.Training = field(default_factory=training.Training)
    checkpoint: checkpoint.Checkpoint | None = None


def read(document: Mapping[str, Any]) -> Spec:
    """Return the spec in a camelCase document; raises ConfigurationError."""
    return reading.read(Spec, document, "spec")
