"""`spec.image.strategy` and `spec.image.dockerfile`: an image that a Dockerfile makes."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base


class Strategy(enum.StrEnum):
    """How an image is built."""

    LAYER = "layer"
    """By registry calls alone: layers put onto a base."""
    DOCKERFILE = "dockerfile"
    """By an engine that runs the steps of a Dockerfile, which needs privileges."""


_INSIDE = base.rule(
    "!has(self.path) || !self.path.matches('(^|/)[.][.]?(/|$)')",
    "dockerfile.path is a file of the source, such as Dockerfile or docker/train.Dockerfile",
)
_NAMES = base.rule(
    "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]{0,127}$'))",
    "names of dockerfile.args are letters, digits and underscores",
)


class Dockerfile(base.Model):
    """Which Dockerfile of the source, and what it is given."""

    model_config = pydantic.ConfigDict(json_schema_extra=base.rules(_INSIDE))

    path: str = pydantic.Field(
        default="Dockerfile",
        min_length=1,
        max_length=255,
        pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_. /-]*$",
        description="The Dockerfile, by its path in the source.",
    )
    target: str = pydantic.Field(
        default="",
        max_length=128,
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
        description="The stage to build; default: the last one.",
    )
    args: dict[str, Annotated[str, pydantic.Field(max_length=4096)]] | None = pydantic.Field(
        default=None,
        description="Values of its ARGs. Never a secret: the image's history shows them to all who"
        " may pull it.",
        json_schema_extra={"maxProperties": 32, **base.rules(_NAMES)},
    )


def uses(name: str) -> str:
    """Return the CEL of whether `name`, an image, is built from a Dockerfile."""
    return f"(has({name}.strategy) && {name}.strategy == 'dockerfile')"


OF_IMAGES = (
    base.rule(
        f"!has(self.dockerfile) || {uses('self')}",
        "image.dockerfile is for image.strategy dockerfile: set that, or remove it",
    ),
    base.rule(
        f"!has(self.platforms) || !{uses('self')} || self.platforms.size() == 1",
        "a Dockerfile's steps run on a node of the image's platform: name one in image.platforms",
    ),
    base.rule(
        f"!has(self.delivery) || self.delivery == 'image' || !{uses('self')}",
        "image.delivery volume is for a base that is there already: a Dockerfile makes one",
    ),
    base.rule(
        f"!has(self.base) || !{uses('self')}",
        "a Dockerfile names its base itself: remove image.base, or image.strategy dockerfile",
    ),
)
NEEDS_SOURCE = base.rule(
    f"!has(self.image) || !{uses('self.image')} || has(self.source)",
    "image.strategy dockerfile builds from a source that holds the Dockerfile: give source",
)
INSTALLS_ITSELF = base.rule(
    f"!has(self.image) || !{uses('self.image')} || !has(self.source)"
    " || !has(self.source.requirements)",
    "a Dockerfile installs its packages itself: remove source.requirements, or image.strategy"
    " dockerfile",
)
