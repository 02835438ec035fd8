"""Names of images: `host[:port]/repository[:tag][@digest]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainshed.registry import errors

_REPOSITORY = re.compile(r"^[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*$")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
DOCKER_HUB = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Reference:
    """One image."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def version(self) -> str:
        """Return what a manifest is asked for by: the digest, else the tag."""
        return self.digest or self.tag


def parse(text: str) -> Reference:
    """Return the reference in a text; raises BaseUnsupported where it is none."""
    rest, _, digest = text.partition("@")
    first, slash, remainder = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, remainder
    else:
        host, path = DOCKER_HUB, rest if slash else f"library/{rest}"
    repository, colon, tag = path.rpartition(":")
    if not colon:
        repository, tag = path, ""
    if host == "docker.io":
        host = DOCKER_HUB
    sound = (
        _REPOSITORY.match(repository)
        and (not tag or _TAG.match(tag))
        and (not digest or _DIGEST.match(digest))
    )
    if not sound:
        raise errors.BaseUnsupported(f"{text[:200]!r} is no image reference: mend image.base")
    return Reference(host, repository, tag or ("" if digest else "latest"), digest)
