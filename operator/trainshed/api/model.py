"""`spec.model`: the built-in model to train."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base

Channels = Annotated[int, pydantic.Field(ge=1, le=2048)]


class ModelName(enum.StrEnum):
    """The built-in models."""

    CNN = "cnn"


class CnnParams(base.Model):
    """Parameters of `cnn`: blocks of convolution, normalisation, ReLU and pooling."""

    channels: list[Channels] = pydantic.Field(
        default=[32, 64],
        min_length=1,
        max_length=8,
        description="Output channels of each block; each block halves height and width.",
    )
    hidden: int = pydantic.Field(
        default=128, ge=1, le=16384, description="Units of the hidden layer before the classes."
    )
    kernel: int = pydantic.Field(
        default=3,
        ge=1,
        le=11,
        description="Height and width of a convolution; odd.",
        json_schema_extra=base.rules(
            base.rule("self % 2 == 1", "kernel must be odd, so that a block keeps its size")
        ),
    )
    dropout: float = pydantic.Field(
        default=0.0, ge=0, lt=1, description="Share of hidden units dropped in training."
    )


class Model(base.Model):
    """A built-in model and its parameters."""

    name: ModelName = pydantic.Field(description="Name of the model.")
    params: CnnParams = pydantic.Field(
        default_factory=CnnParams, description="Parameters of the model; unknown keys are refused."
    )
