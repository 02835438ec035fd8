"""`spec.data`: the data set of a built-in model, its preparation and its split."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base

Side = Annotated[int, pydantic.Field(ge=4, le=1024)]


class DataName(enum.StrEnum):
    """The built-in data sets."""

    DIGITS = "digits"


class Normalize(enum.StrEnum):
    """How inputs are normalised."""

    STANDARD = "standard"
    NONE = "none"


class Preprocess(base.Model):
    """What is done to each input before the model sees it."""

    resize: list[Side] | None = pydantic.Field(
        default=None,
        min_length=2,
        max_length=2,
        description="Height and width in pixels; default: as the data has them.",
    )
    normalize: Normalize = pydantic.Field(
        default=Normalize.STANDARD,
        description="standard: mean 0 and deviation 1 by the statistics of the training split.",
    )


class Split(base.Model):
    """How the data is divided; the classes keep their shares."""

    validation: float = pydantic.Field(
        default=0.2, gt=0, lt=1, description="Share that is held out for evaluation."
    )
    seed: int = pydantic.Field(default=0, ge=0, le=2**31 - 1, description="Seed of the division.")


class Data(base.Model):
    """The data set."""

    name: DataName = pydantic.Field(description="A built-in data set: digits, 1,797 8x8 scans.")
    preprocess: Preprocess = pydantic.Field(
        default_factory=Preprocess, description="Preparation of each input."
    )
    split: Split = pydantic.Field(default_factory=Split, description="Division of the data.")
