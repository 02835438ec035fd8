"""`spec.image`: the image that the job runs, given or built."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base
from trainshed.api import dockerfile as dockerfile_api

Reference = Annotated[str, pydantic.Field(min_length=1, max_length=512, pattern=r"^[^\s]+$")]
Repository = Annotated[
    str,
    pydantic.Field(
        max_length=384,
        pattern=r"^(localhost|[A-Za-z0-9-]*[.:][A-Za-z0-9.:-]*)(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$",
    ),
]


class Compression(enum.StrEnum):
    """How new layers are compressed."""

    ZSTD = "zstd"
    GZIP = "gzip"


class Platform(enum.StrEnum):
    """What an image may be for."""

    AMD64 = "linux/amd64"
    ARM64 = "linux/arm64"


class Delivery(enum.StrEnum):
    """How what is built reaches the container."""

    IMAGE = "image"
    VOLUME = "volume"


class Refresh(enum.StrEnum):
    """How long what has a moving name may be answered from the registry."""

    NEVER = "never"
    DAILY = "daily"
    ALWAYS = "always"


class SecretName(base.Model):
    """Names a Secret of the job's namespace."""

    name: base.Name = pydantic.Field(description="Name of the Secret.")


_OF_BUILT = [
    base.rule(
        f"!(has(self.ref) && has(self.{name}))",
        f"image.{name} is for images that are built: remove it or image.ref",
    )
    for name in (
        "repository",
        "pushSecret",
        "compression",
        "platforms",
        "refresh",
        "deadlineSeconds",
        "delivery",
        "strategy",
    )
]


class Image(base.Model):
    """The image; all fields are optional."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "!(has(self.ref) && has(self.base))",
                "image.ref is a ready image and image.base one to build on: give one of them",
            ),
            *_OF_BUILT,
            *dockerfile_api.OF_IMAGES,
        )
    )

    ref: Reference | None = pydantic.Field(
        default=None,
        description="A ready image: nothing is built. With command, or with model if it holds "
        "the training library.",
    )
    base: Reference | None = pydantic.Field(
        default=None,
        description="The image to build on. Default: the operator's image for the framework.",
    )
    strategy: dockerfile_api.Strategy | None = pydantic.Field(
        default=None,
        description="How it is built: layer (default), or dockerfile, in namespaces that are"
        " labelled trainshed.dev/dockerfile-builds: true.",
    )
    dockerfile: dockerfile_api.Dockerfile | None = pydantic.Field(
        default=None, description="With strategy dockerfile: which one, and what it is given."
    )
    pull_secrets: list[SecretName] | None = pydantic.Field(
        default=None,
        max_length=8,
        description="Secrets by which the kubelet pulls the image, and that of a build pod; a"
        " Dockerfile's bases are read with them too.",
    )
    repository: Repository | None = pydantic.Field(
        default=None,
        description="HOST/PATH that the image is pushed to, by a build pod with pushSecret, and"
        " pulled from with pullSecrets. Default: the namespace's own in the operator's registry.",
    )
    push_secret: SecretName | None = pydantic.Field(
        default=None,
        description="Secret of type kubernetes.io/dockerconfigjson by which a build pod reads the"
        " base and pushes; with it the image is built in a pod, whatever the source. A key ca.crt"
        " in it is trusted too. Default: a build pod has no credentials.",
    )
    platforms: list[Platform] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=len(Platform),
        description="What the image is built for; default linux/amd64. The job's pods run on nodes"
        " of these alone. With several, the base must have each of them.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    compression: Compression | None = pydantic.Field(
        default=None,
        description="How new layers are compressed: zstd (default), or gzip for old runtimes.",
    )
    refresh: Refresh | None = pydantic.Field(
        default=None,
        description="How long a git branch, an artifact's tag, a Dockerfile, or a requirement"
        " without a version, may be answered by what was built before: never looked up again, daily"
        " (each day in UTC), or always looked up. Default: daily where nothing but requirements"
        " may move, else always. A claim is always read, and what goes to repository always built.",
    )
    deadline_seconds: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=86_400,
        description="Seconds from apply within which the image must be there; default: the"
        " operator's buildDeadlineSeconds.",
    )
    delivery: Delivery | None = pydantic.Field(
        default=None,
        description="image (default): one image, of the base with the code on top. volume: the base"
        " runs as it is, and the code is mounted into it, where the cluster mounts images.",
    )

    @property
    def mounted(self) -> bool:
        """Return whether what is built is mounted into the base."""
        return self.delivery is Delivery.VOLUME


def platforms(image: Image | None) -> tuple[str, ...]:
    """Return what an image is built for, sorted: the order that they are named in is nothing."""
    asked = image.platforms if image is not None else None
    return tuple(sorted(map(str, asked or (Platform.AMD64,))))
