"""Names of images: `host[:port]/repository[:tag][@digest]`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainshed.registry import errors

_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LENGTH = 512
DOCKER_HUB = "registry-1.docker.io"
_HUB_NAMES = ("docker.io", "index.docker.io")


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
    rest, at, digest = text.partition("@")
    first, slash, remainder = rest.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (canonical(first), remainder) if named else (DOCKER_HUB, rest)
    # A colon before the last slash is of no tag.
    repository, colon, tag = (
        path.partition(":") if ":" in path.rpartition("/")[2] else (path, "", "")
    )
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    sound = (
        len(text) <= _LENGTH
        and _HOST.fullmatch(host)
        and _REPOSITORY.fullmatch(repository)
        and (_TAG.fullmatch(tag) or not colon)
        and (_DIGEST.fullmatch(digest) or not at)
    )
    if not sound:
        raise errors.BaseUnsupported(f"{text[:200]!a} is no image reference: mend image.base")
    return Reference(host, repository, tag or ("" if digest else "latest"), digest)


def canonical(host: str) -> str:
    """Return the one name of a host: in small letters, and Docker's hub goes by several."""
    small = host.lower()
    return DOCKER_HUB if small in _HUB_NAMES else small
