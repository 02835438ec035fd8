"""`spec.evaluation.crossValidation`: a model per part of the data, and what they come to."""

from __future__ import annotations

import pydantic

from trainshed.api import base, replicas

MAX_FOLDS = 100
MAX_METRICS = 10


class CrossValidation(base.Model):
    """The data is cut into folds; each is held out by a training run of its own."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "self.parallelism <= self.folds",
                "crossValidation.parallelism is how many of the folds train at a time: set it to"
                " folds or less",
            )
        )
    )

    folds: int = pydantic.Field(
        ge=2,
        le=MAX_FOLDS,
        description="Parts of the data, each with its share of every class.",
    )
    parallelism: int = pydantic.Field(
        default=1, ge=1, le=MAX_FOLDS, description="Pods that train at a time, one for each fold."
    )


class FoldStatus(base.Model):
    """What the pod of a fold told when it had succeeded."""

    fold: int = pydantic.Field(description="Number of the fold, from 0.")
    metrics: dict[str, float] = pydantic.Field(
        description="Accuracy and loss on the part that was held out.",
        json_schema_extra={"maxProperties": MAX_METRICS},
    )
    samples: int = pydantic.Field(description="Samples trained on, repeats included.")
    seconds: float = pydantic.Field(description="Seconds of training: steps and waits for data.")
    samples_per_second: float = pydantic.Field(description="Samples over those seconds.")
    steps: int = pydantic.Field(description="Optimiser steps done.")
    epochs: int = pydantic.Field(description="Epochs done.")
    training_loss: float | None = pydantic.Field(
        default=None, description="Loss of the last training step that was looked at."
    )
    time_to_target_seconds: float | None = pydantic.Field(
        default=None, description="Seconds until training.target was reached."
    )
    resumed_from_step: int | None = pydantic.Field(
        default=None,
        description="With checkpoint: at which step it went on; 0: from the start.",
    )


class CrossValidationStatus(base.Model):
    """The folds that have succeeded so far, and what is made of them."""

    folds: list[FoldStatus] = pydantic.Field(
        max_length=MAX_FOLDS, description="Each fold that has succeeded, by its number."
    )
    mean: dict[str, float] = pydantic.Field(
        description="Mean of each metric over these folds.",
        json_schema_extra={"maxProperties": MAX_METRICS},
    )
    std: dict[str, float] | None = pydantic.Field(
        default=None,
        description="Sample standard deviation of each metric over these folds (n - 1); from two "
        "folds on.",
        json_schema_extra={"maxProperties": MAX_METRICS},
    )


_ABSENT = "!has(self.evaluation) || !has(self.evaluation.crossValidation)"
ONE_PROCESS = base.rule(
    f"{_ABSENT} || self.replicas * {replicas.PROCESSES} == 1",
    "each fold of evaluation.crossValidation is one process: remove replicas and"
    " processesPerReplica, and train several folds at a time by crossValidation.parallelism",
)
NO_EXPORT = base.rule(
    f"{_ABSENT} || !has(self.export)",
    "evaluation.crossValidation trains a model for each fold and keeps none: remove export, and"
    " train once more without crossValidation to export",
)
NO_SPLIT = base.rule(
    f"{_ABSENT} || !has(self.data) || !has(self.data.split) || !has(self.data.split.validation)",
    "evaluation.crossValidation holds out each of its folds once: remove data.split.validation, or"
    " say crossValidation.folds",
)
UNDISTURBED = base.rule(
    "!has(self.performance) || !has(self.crossValidation)",
    "performance times one run, crossValidation trains many beside each other: remove one of the"
    " two",
)
