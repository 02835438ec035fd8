"""`spec.source`: the user's own code."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base

MAX_FILES = 64
MAX_FILE_CHARS = 262_144

_SAFE_NAMES = base.rule(
    "self.all(name, size(name) <= 255 && name.matches('^[A-Za-z0-9_.][A-Za-z0-9_. /-]*$')"
    " && !name.contains('//') && !name.endsWith('/')"
    " && !name.matches('(^|/)[.][.]?(/|$)'))",
    "file names are relative paths without '..', such as train.py or lib/model.py",
)


class InlineSource(base.Model):
    """Code written into the job itself."""

    files: dict[str, Annotated[str, pydantic.Field(max_length=MAX_FILE_CHARS)]] = pydantic.Field(
        description="Content of each file by its path below /app.",
        json_schema_extra={
            "minProperties": 1,
            "maxProperties": MAX_FILES,
            **base.rules(_SAFE_NAMES),
        },
    )


class ConfigMapSource(base.Model):
    """Code in a ConfigMap of the job's namespace; its keys become files below /app."""

    name: base.Name = pydantic.Field(description="Name of the ConfigMap.")


class Source(base.Model):
    """Where the code is, and how it starts."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "has(self.inline) != has(self.configMap)",
                "source needs exactly one of inline and configMap",
            )
        )
    )

    inline: InlineSource | None = pydantic.Field(default=None, description="Code written here.")
    config_map: ConfigMapSource | None = pydantic.Field(
        default=None, description="Code in a ConfigMap, read once when the image is built."
    )
    entrypoint: list[Annotated[str, pydantic.Field(max_length=4096)]] = pydantic.Field(
        default=["python", "train.py"],
        min_length=1,
        max_length=64,
        description="Command that starts the training, run in /app.",
    )
