"""All that a report tells of a run. Plain values: the page is a function of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainshed_trainer import schema
from trainshed_trainer.data import statistics
from trainshed_trainer.evaluation import lenses, performance, visual
from trainshed_trainer.exporting import exporter


@dataclass(frozen=True, slots=True)
class Model:
    """The model's layers; `flops`: operations of one sample's forward pass."""

    layers: Sequence[lenses.Layer]
    parameters: int
    flops: int


@dataclass(frozen=True, slots=True)
class Data:
    """The data set. `counts`: samples of each class in the training and the held-out split.

    `corrupt`: samples that could not be read; `named`: the first of them, each with the cause.
    """

    classes: Sequence[str]
    shape: tuple[int, ...]
    counts: Sequence[tuple[int, int]]
    statistics: statistics.Statistics | None
    corrupt: int = 0
    named: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """A finished run. What was not asked for, or not measured, is None or empty."""

    title: str
    spec: schema.Spec
    info: Mapping[str, str]
    steps: int
    samples: int
    seconds: float
    metrics: Mapping[str, float]
    model: Model
    data: Data
    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    performance: performance.Measured | None = None
    utilisation: float | None = None
    exports: Sequence[exporter.Exported] = ()
    seen: visual.Seen | None = None
