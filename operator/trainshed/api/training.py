"""`spec.training`: how a built-in model is trained."""

from __future__ import annotations

import enum

import pydantic

from trainshed.api import base


class OptimizerName(enum.StrEnum):
    """The optimisers."""

    SGD = "sgd"
    ADAM = "adam"
    ADAMW = "adamw"


class Schedule(enum.StrEnum):
    """How the learning rate goes from its value to the end of training."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"


class LossName(enum.StrEnum):
    """The losses."""

    CROSS_ENTROPY = "crossEntropy"


class Optimizer(base.Model):
    """The optimiser and the schedule of its learning rate."""

    name: OptimizerName = pydantic.Field(
        default=OptimizerName.ADAMW, description="Name of the optimiser."
    )
    learning_rate: float = pydantic.Field(
        default=0.001, gt=0, le=10, description="Learning rate after warm-up."
    )
    weight_decay: float = pydantic.Field(
        default=0.01, ge=0, le=1, description="Weight decay; decoupled with adamw."
    )
    schedule: Schedule = pydantic.Field(
        default=Schedule.CONSTANT, description="Course of the learning rate after warm-up."
    )
    warmup_steps: int = pydantic.Field(
        default=0, ge=0, le=1_000_000, description="Steps of linear rise from 0."
    )


class Loss(base.Model):
    """The loss."""

    name: LossName = pydantic.Field(default=LossName.CROSS_ENTROPY, description="Name of the loss.")
    label_smoothing: float = pydantic.Field(
        default=0.0, ge=0, lt=1, description="Share of the target spread over all classes."
    )


class Training(base.Model):
    """Length, batch, optimiser, loss and seed."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "!(has(self.epochs) && has(self.maxSteps))",
                "give training.epochs or training.maxSteps, not both",
            )
        )
    )

    epochs: int | None = pydantic.Field(
        default=None, ge=1, le=1_000_000, description="Passes over the data; default 10."
    )
    max_steps: int | None = pydantic.Field(
        default=None, ge=1, le=1_000_000_000, description="Optimiser steps, instead of epochs."
    )
    batch_size: int = pydantic.Field(
        default=64, ge=1, le=1_048_576, description="Samples of one step, over the whole job."
    )
    optimizer: Optimizer = pydantic.Field(
        default_factory=Optimizer, description="Optimiser and schedule."
    )
    loss: Loss = pydantic.Field(default_factory=Loss, description="Loss.")
    seed: int = pydantic.Field(
        default=0, ge=0, le=2**31 - 1, description="Seed of weights and of the order of samples."
    )
