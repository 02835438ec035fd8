"""All of a built-in run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainshed_trainer import limits
from trainshed_trainer.schema import (
    checkpoint,
    data,
    evaluation,
    export,
    model,
    reading,
    training,
    visualization,
)


@dataclass(frozen=True, slots=True)
class Spec:
    """A built-in run. `checkpoint`, `export`, `visualization`: None writes none."""

    framework: str = limits.one_of("pytorch", "tensorflow")
    model: model.Model = field(default_factory=model.Model)
    data: data.Data = field(default_factory=lambda: data.Data(name="digits"))
    training: training.Training = field(default_factory=training.Training)
    checkpoint: checkpoint.Checkpoint | None = None
    evaluation: evaluation.Evaluation = field(default_factory=evaluation.Evaluation)
    export: export.Export | None = None
    visualization: visualization.Visualization | None = None

    def conflict(self) -> str:
        """Return what the fields are not together."""
        if self.export is None:
            return ""
        if self.evaluation.cross_validation is not None:
            return " has both export and evaluation.crossValidation, whose models are thrown away"
        written = export.FORMATS[self.framework]
        foreign = [name for name in self.export.formats if name not in written]
        if foreign:
            known = " and ".join(written)
            return f".export.formats has {foreign[0]}, but {self.framework} writes {known}"
        return ""


def read(document: Mapping[str, Any]) -> Spec:
    """Return the spec in a camelCase document; raises ConfigurationError."""
    return reading.read(Spec, document, "spec")
