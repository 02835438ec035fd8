"""`evaluation`: what is tested of a trained model, beside accuracy and loss."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed_trainer import limits


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Each run holds out one of `folds` parts of the data: that which TRAINSHED_FOLD names."""

    folds: int = limits.limited(at_least=2, at_most=100)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The tests."""

    cross_validation: CrossValidation | None = None
