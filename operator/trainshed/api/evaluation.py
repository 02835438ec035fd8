"""`spec.evaluation`: what is tested of a built-in model, beside its accuracy and loss."""

from __future__ import annotations

import pydantic

from trainshed.api import base
from trainshed.api import cross_validation as cross_validation_api


class Performance(base.Model):
    """The performance test: how fast the trained model's training steps are."""

    warmup_steps: int = pydantic.Field(
        default=10, ge=0, le=10_000, description="Steps before, which are not timed."
    )
    steps: int = pydantic.Field(
        default=50,
        ge=1,
        le=100_000,
        description="Steps that are timed, each to its end on the device.",
    )


class Evaluation(base.Model):
    """Tests of a built-in model."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(cross_validation_api.UNDISTURBED)
    )

    cross_validation: cross_validation_api.CrossValidation | None = pydantic.Field(
        default=None,
        description="Trains a model for each of so many parts of the data, which it holds out: "
        "status.crossValidation.",
    )
    performance: Performance | None = pydantic.Field(
        default=None,
        description="Times steps after the training, without evaluation and checkpoints: "
        "status.performance. {}: with the defaults.",
    )
    visual: bool = pydantic.Field(
        default=False,
        description="Whether the report shows sample predictions, the confusion matrix and what "
        "the model looked at.",
    )
