"""`spec.source.requirements`: packages that the code needs and the base lacks."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base, image

_SOMETHING = base.rule(
    "has(self.file) || (has(self.packages) && size(self.packages) > 0)",
    "requirements needs a file of the source, packages, or both",
)
_INSIDE = base.rule(
    "!has(self.file) || !self.file.matches('(^|/)[.][.]?(/|$)')",
    "requirements.file is a file of the source, without '..'",
)
_NO_CREDENTIALS = base.rule(
    "!has(self.index) || !self.index.matches('^https?://[^/]*@')",
    "requirements.index must hold no credentials: put them into a Secret and name it in"
    " requirements.indexSecret",
)
_NO_SECRET_BESIDE = base.rule(
    "!has(self.indexSecret) || !has(self.wheelsOnly) || self.wheelsOnly",
    "requirements.wheelsOnly: false runs code of packages, which must see no Secret: remove"
    " requirements.indexSecret and name an index that needs no credentials, or have wheels in"
    " yours and remove wheelsOnly",
)
_NOT_IN_THE_CLEAR = base.rule(
    "!has(self.indexSecret) || !has(self.index) || !self.index.startsWith('http://')",
    "requirements.indexSecret would be sent without TLS: use https:// in requirements.index",
)


class Requirements(base.Model):
    """Packages, installed by the build pod."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            _SOMETHING, _INSIDE, _NO_CREDENTIALS, _NO_SECRET_BESIDE, _NOT_IN_THE_CLEAR
        )
    )

    file: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=1024,
        pattern=r"^[^/\x00-\x1f\\][^\x00-\x1f\\]*$",
        description="A file of the source that lists packages: requirements.txt, pylock.toml or"
        " pyproject.toml. One with hashes is taken as the lock.",
    )
    packages: list[Annotated[str, pydantic.Field(min_length=1, max_length=512)]] | None = (
        pydantic.Field(
            default=None,
            max_length=256,
            description="Packages by name and version, such as einops==0.8.1.",
        )
    )
    wheels_only: bool = pydantic.Field(
        default=True,
        description="Whether packages are taken as wheels alone. false: one that has no wheel is"
        " built from its source distribution, by its own code, in a container that sees no Secret.",
    )
    index: str | None = pydantic.Field(
        default=None,
        max_length=2048,
        pattern=r"^https?://[!-~]+$",
        description="URL of the index that they come from, in place of the operator's own.",
    )
    index_secret: image.SecretName | None = pydantic.Field(
        default=None,
        description="A Secret for the index with keys username and password, ca.crt, or all three."
        " Only the build pod sees it.",
    )


BUILT_HERE = base.rule(
    "!has(self.source) || !has(self.source.requirements)"
    " || !has(self.source.requirements.wheelsOnly) || self.source.requirements.wheelsOnly"
    " || !has(self.image) || !has(self.image.platforms)"
    " || self.image.platforms.all(each, each == 'linux/amd64')",
    "requirements.wheelsOnly: false builds for linux/amd64 alone: remove image.platforms, or"
    " wheelsOnly",
)
"""Of a job: source distributions are built on a node of the platform that they are for."""
