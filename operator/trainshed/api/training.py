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
    RMSPROP = "rmsprop"


class Schedule(enum.StrEnum):
    """How the learning rate goes from its value to the end of training."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"


class LossName(enum.StrEnum):
    """The losses."""

    CROSS_ENTROPY = "crossEntropy"
    FOCAL = "focal"


class ClassWeights(enum.StrEnum):
    """How much the samples of each class count in the loss."""

    NONE = "none"
    BALANCED = "balanced"


class Precision(enum.StrEnum):
    """The numbers that a step is computed in."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class Compile(enum.StrEnum):
    """Whether the model is compiled before it is trained."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Metric(enum.StrEnum):
    """What is measured on the held-out split."""

    ACCURACY = "accuracy"
    LOSS = "loss"


class Optimizer(base.Model):
    """The optimiser and the schedule of its learning rate."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "!has(self.momentum) || self.name in ['sgd', 'rmsprop']",
                "momentum is of sgd and rmsprop: remove it, or set name to one of them",
            )
        )
    )

    name: OptimizerName = pydantic.Field(
        default=OptimizerName.ADAMW, description="Name of the optimiser."
    )
    learning_rate: float = pydantic.Field(
        default=0.002, gt=0, le=10, description="Learning rate after warm-up."
    )
    weight_decay: float = pydantic.Field(
        default=0.01, ge=0, le=1, description="Weight decay; decoupled with adamw."
    )
    momentum: float | None = pydantic.Field(
        default=None, ge=0, lt=1, description="Momentum of sgd and rmsprop; default 0.9."
    )
    schedule: Schedule = pydantic.Field(
        default=Schedule.COSINE,
        description="Course of the learning rate after warm-up: cosine and linear fall to 0 at the "
        "last step.",
    )
    warmup_steps: int = pydantic.Field(
        default=20, ge=0, le=1_000_000, description="Steps of linear rise from 0."
    )
    clip_norm: float | None = pydantic.Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="Largest norm of all gradients together; default: they are not clipped.",
    )


class Loss(base.Model):
    """The loss."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "!has(self.gamma) || self.name == 'focal'",
                "gamma is of the focal loss: remove it, or set name: focal",
            )
        )
    )

    name: LossName = pydantic.Field(default=LossName.CROSS_ENTROPY, description="Name of the loss.")
    gamma: float | None = pydantic.Field(
        default=None,
        ge=0,
        le=10,
        description="How much less a sample counts that is told rightly; default 2.",
    )
    label_smoothing: float = pydantic.Field(
        default=0.0, ge=0, lt=1, description="Share of the target spread over all classes."
    )
    class_weights: ClassWeights = pydantic.Field(
        default=ClassWeights.NONE,
        description="balanced: each class counts alike, however few samples it has.",
    )


class Target(base.Model):
    """What is good enough: training ends at the first evaluation that reaches it."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "self.metric != 'accuracy' || self.value <= 1.0",
                "target.value of an accuracy is a share, 0 to 1, such as 0.95",
            )
        )
    )

    metric: Metric = pydantic.Field(
        default=Metric.ACCURACY, description="What is measured on the held-out split."
    )
    value: float = pydantic.Field(
        ge=0, le=1_000_000_000, description="An accuracy of at least this, a loss of at most this."
    )


class Training(base.Model):
    """Length, batch, optimiser, loss, precision and seed."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "!(has(self.epochs) && has(self.maxSteps))",
                "give training.epochs or training.maxSteps, not both",
            )
        )
    )

    epochs: int | None = pydantic.Field(
        default=None, ge=1, le=1_000_000, description="Passes over the data; default 20."
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
    precision: Precision = pydantic.Field(
        default=Precision.AUTO,
        description="Numbers that steps are computed in; auto: what the device is fast at.",
    )
    compile: Compile = pydantic.Field(
        default=Compile.AUTO,
        description="Whether the model is compiled; auto: where it has been measured to help, "
        "which is nowhere yet.",
    )
    target: Target | None = pydantic.Field(
        default=None, description="Ends training early; the time to it is in the result."
    )
    seed: int = pydantic.Field(
        default=0, ge=0, le=2**31 - 1, description="Seed of weights and of the order of samples."
    )
