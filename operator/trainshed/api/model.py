"""`spec.model`: the built-in model to train.

A CRD has one shape for the parameters of all models: rules refuse those that the named model
does not have. None has a default here, since the models have their own; the library fills them in.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated

import pydantic

from trainshed.api import base

Channels = Annotated[int, pydantic.Field(ge=1, le=2048)]


class ModelName(enum.StrEnum):
    """The built-in models."""

    CNN = "cnn"
    CNN_ATTENTION = "cnn-attention"
    LSTM = "lstm"
    CNN_LSTM = "cnn-lstm"


class Cell(enum.StrEnum):
    """The recurrent cells."""

    LSTM = "lstm"
    GRU = "gru"
    RNN = "rnn"


class Params(base.Model):
    """Parameters of the built-in models; each model has some of them."""

    channels: list[Channels] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Output channels of each convolution block, which halves height and width; "
        "default [32, 64], of cnn-lstm [16, 32].",
    )
    kernel: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=11,
        description="Height and width of a convolution; odd; default 3.",
        json_schema_extra=base.rules(
            base.rule("self % 2 == 1", "kernel must be odd, so that a block keeps its size")
        ),
    )
    heads: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=64,
        description="Heads of the attention, which share the last channels; default 4.",
    )
    features: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=16384,
        description="Numbers that the encoder makes of each frame; default 64.",
    )
    cell: Cell | None = pydantic.Field(
        default=None, description="The recurrent cell; default lstm."
    )
    layers: int | None = pydantic.Field(
        default=None, ge=1, le=8, description="Recurrent layers; default 1."
    )
    hidden: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=16384,
        description="Units of the hidden layer, or of each recurrent layer; default 128.",
    )
    dropout: float | None = pydantic.Field(
        default=None,
        ge=0,
        lt=1,
        description="Share of hidden units dropped in training; default 0.",
    )


PARAMS: Mapping[ModelName, Sequence[str]] = {
    ModelName.CNN: ("channels", "hidden", "kernel", "dropout"),
    ModelName.CNN_ATTENTION: ("channels", "hidden", "kernel", "heads", "dropout"),
    ModelName.LSTM: ("cell", "hidden", "layers", "dropout"),
    ModelName.CNN_LSTM: (
        *("channels", "kernel", "features"),
        *("cell", "hidden", "layers", "dropout"),
    ),
}
"""The parameters that each model has."""


def _only(name: ModelName, known: Sequence[str]) -> dict[str, str]:
    """Return the rule that refuses the parameters that a model does not have."""
    others = [each for each in Params.model_fields if each not in known]
    given = ", ".join(f"has(self.params.{each})" for each in others)
    return base.rule(
        f"self.name != '{name}' || !has(self.params) || [{given}].all(each, !each)",
        f"{name} has the parameters {', '.join(known[:-1])} and {known[-1]}: remove the others",
    )


_HEADS_DIVIDE = base.rule(
    "self.name != 'cnn-attention' || (has(self.params) && has(self.params.channels)"
    " ? self.params.channels[size(self.params.channels) - 1] : 64)"
    " % (has(self.params) && has(self.params.heads) ? self.params.heads : 4) == 0",
    "heads must divide the last of channels: the heads of the attention share them",
)


class Model(base.Model):
    """A built-in model and its parameters."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            *(_only(name, known) for name, known in PARAMS.items()), _HEADS_DIVIDE
        )
    )

    name: ModelName = pydantic.Field(
        description="Name of the model. cnn: convolution blocks; cnn-attention: convolution blocks "
        "and self-attention over positions; lstm: recurrent layers over frames; cnn-lstm: a "
        "convolutional encoder of each frame, then recurrent layers."
    )
    params: Params | None = pydantic.Field(
        default=None,
        description="Parameters of the model; those that it does not have are refused.",
    )
