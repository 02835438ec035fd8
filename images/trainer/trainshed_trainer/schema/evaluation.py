"""`evaluation`: what is tested of a trained model, beside accuracy and loss."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed_trainer import limits


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Each run holds out one of `folds` parts of the data: that which TRAINSHED_FOLD names."""

    folds: int = limits.limited(at_least=2, at_most=100)


@dataclass(frozen=True, slots=True)
class Performance:
    """The performance test: `steps` are timed, after `warmup_steps` that are not."""

    warmup_steps: int = limits.limited(10, at_least=0, at_most=10_000)
    steps: int = limits.limited(50, at_least=1, at_most=100_000)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The tests. `visual`: sample predictions, confusion matrix and saliency in the report."""

    cross_validation: CrossValidation | None = None
    performance: Performance | None = None
    visual: bool = False
