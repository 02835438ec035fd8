"""`spec.source`: the user's own code."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base, image
from trainshed.api import requirements as packages

MAX_FILES = 64
MAX_FILE_CHARS = 262_144
DEFAULT_BYTES = "256Mi"

_FOLDER = r"^[^/\x00-\x1f\\][^\x00-\x1f\\]*$"
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


_NO_CREDENTIALS = base.rule(
    "!self.url.matches('^https?://[^/]*@') && !self.url.matches('^ssh://[^/@]*:[^/]*@')",
    "git.url must hold no credentials: put them into a Secret and name it in git.secretRef",
)
_NOT_IN_THE_CLEAR = base.rule(
    "!has(self.secretRef) || !self.url.startsWith('http://')",
    "git.secretRef would be sent without TLS: use https:// or ssh:// in git.url",
)
_INSIDE = base.rule(
    "!has(self.path) || !self.path.matches('(^|/)[.][.](/|$)')",
    "git.path is a folder of the repository, without '..'",
)


class GitSource(base.Model):
    """Code in a git repository, cloned by a build pod."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(_NO_CREDENTIALS, _NOT_IN_THE_CLEAR, _INSIDE)
    )

    url: str = pydantic.Field(
        max_length=2048,
        pattern=r"^(https?://|ssh://|[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:)[!-~]+$",
        description="The repository: https://, ssh:// or user@host:path.",
    )
    ref: str = pydantic.Field(
        default="HEAD",
        max_length=255,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/@+-]*$",
        description="A branch, a tag or a full commit. A full commit is built once and then found;"
        " a branch is looked up each time. HEAD: the repository's default branch.",
    )
    path: str = pydantic.Field(
        default=".",
        min_length=1,
        max_length=1024,
        pattern=_FOLDER,
        description="The folder of the repository that becomes /app.",
    )
    submodules: bool = pydantic.Field(
        default=False, description="Whether submodules are cloned too."
    )
    secret_ref: image.SecretName | None = pydantic.Field(
        default=None,
        description="A Secret of type kubernetes.io/basic-auth (https) or kubernetes.io/ssh-auth"
        " with a further key known_hosts (ssh). Only the build pod sees it.",
    )


class OciSource(base.Model):
    """Code in an OCI artifact, pulled by a build pod."""

    ref: image.Reference = pydantic.Field(
        description="The artifact: HOST/PATH with a tag or, better, a digest, by which it is built"
        " once and then found. Its layers are tars, plain or by gzip or zstd, or single files with"
        " a title, as `oras push` makes them. An image of nothing but code will do too.",
    )
    pull_secret: image.SecretName | None = pydantic.Field(
        default=None,
        description="A Secret of type kubernetes.io/dockerconfigjson. Only the build pod sees it. A"
        " key ca.crt in it is trusted too. Default: image.pushSecret.",
    )


_ON_CLAIM = base.rule(
    "!has(self.path) || !self.path.matches('(^|/)[.][.](/|$)')",
    "claim.path is a folder of the claim, without '..'",
)


class ClaimSource(base.Model):
    """Code on a PersistentVolumeClaim of the job's namespace, read by a build pod for each job."""

    model_config = pydantic.ConfigDict(json_schema_extra=base.rules(_ON_CLAIM))

    claim_name: base.Name = pydantic.Field(description="Name of the claim; it is only read.")
    path: str = pydantic.Field(
        default=".",
        min_length=1,
        max_length=1024,
        pattern=_FOLDER,
        description="The folder of the claim that becomes /app.",
    )


_ONE_SOURCE = base.rule(
    "[has(self.git), has(self.configMap), has(self.inline), has(self.oci), has(self.claim)]"
    ".filter(each, each).size() == 1",
    "source needs exactly one of git, configMap, inline, oci and claim",
)
_OF_TREES = [
    base.rule(
        f"!has(self.{name}) || has(self.git) || has(self.oci) || has(self.claim)",
        f"source.{name} is for git, oci and claim: leave files out of inline and configMap by hand",
    )
    for name in ("ignore", "maxBytes")
]


class Source(base.Model):
    """Where the code is, and how it starts."""

    model_config = pydantic.ConfigDict(json_schema_extra=base.rules(_ONE_SOURCE, *_OF_TREES))

    git: GitSource | None = pydantic.Field(default=None, description="Code in a git repository.")
    inline: InlineSource | None = pydantic.Field(default=None, description="Code written here.")
    config_map: ConfigMapSource | None = pydantic.Field(
        default=None, description="Code in a ConfigMap, read once when the image is built."
    )
    oci: OciSource | None = pydantic.Field(
        default=None, description="Code in an artifact in a registry."
    )
    claim: ClaimSource | None = pydantic.Field(
        default=None, description="Code on a PersistentVolumeClaim."
    )
    requirements: packages.Requirements | None = pydantic.Field(
        default=None,
        description="Packages that the code needs. What the base image has is kept as it is.",
    )
    compile: bool = pydantic.Field(
        default=False,
        description="Whether the source's own extensions, C++ or CUDA, are compiled by its"
        " pyproject.toml or setup.py, on the operator's development image for the framework.",
    )
    ignore: list[Annotated[str, pydantic.Field(min_length=1, max_length=255)]] | None = (
        pydantic.Field(
            default=None,
            max_length=64,
            description="What of a repository, an artifact or a claim stays out of the image,"
            " as in a .gitignore file.",
        )
    )
    max_bytes: base.Quantity | None = pydantic.Field(
        default=None,
        description="The most that the files of a repository, an artifact or a claim may have"
        " together; default 256Mi.",
    )
    entrypoint: list[Annotated[str, pydantic.Field(max_length=4096)]] = pydantic.Field(
        default=["python", "train.py"],
        min_length=1,
        max_length=64,
        description="Command that starts the training, run in /app.",
    )
