"""What a build pod is told to make: one JSON document, and its hash, by which builds are shared."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace

import pydantic

from trainshed.builds import dockerfiles, inventories, requests
from trainshed.builds import requirements as packages

_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Git:
    """A repository. `path`: the folder of it that becomes /app."""

    url: str
    ref: str
    path: str
    submodules: bool
    secret: str
    """Name of the Secret that its credentials are in; empty for none."""

    @property
    def pinned(self) -> bool:
        """Return whether the ref is a full commit, which means the same for ever."""
        return _COMMIT.fullmatch(self.ref) is not None


@dataclass(frozen=True, slots=True)
class Oci:
    """An artifact in a registry."""

    ref: str
    secret: str
    """Name of the Secret that its registry's credentials are in; empty for none."""

    @property
    def name(self) -> str:
        """Return HOST/PATH, without what tells its versions apart."""
        head, _, tag = self.ref.partition("@")[0].rpartition(":")
        return head if head and "/" not in tag else self.ref.partition("@")[0]

    @property
    def digest(self) -> str:
        """Return the digest that it is named by, which means the same for ever; empty for a tag."""
        digest = self.ref.partition("@")[2]
        return digest if _DIGEST.fullmatch(digest) else ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A folder of a PersistentVolumeClaim. What is in it is known only once it is read."""

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One image that needs a build pod: untrusted code is fetched there and nowhere else."""

    base: str
    ignore: tuple[str, ...]
    max_bytes: int
    entrypoint: tuple[str, ...]
    """The container's whole command."""
    source_entrypoint: tuple[str, ...]
    """The part of it that the user's source gives."""
    compression: str
    platforms: tuple[str, ...] = ("linux/amd64",)
    mounted: bool = False
    git: Git | None = None
    """Where the code is cloned from; None where it is elsewhere, or there is none."""
    oci: Oci | None = None
    claim: Claim | None = None
    files: str = ""
    """Code that the operator has read itself, as `embedding.pack` makes it."""
    repository: str = ""
    """HOST/PATH that the image goes to; empty for the namespace's own."""
    dockerfile: dockerfiles.Dockerfile | None = None
    """What makes the image that the rest goes onto, in place of `base`."""
    requirements: packages.Requirements | None = None
    """Packages that are put onto the base; None for none."""
    compile: str = ""
    """The development image that the code's extensions are compiled in; empty for none."""
    wheels_in: str = ""
    """The development image that source distributions are built in; empty for the builder's own."""
    library: str = ""
    """The hash of the training library that goes in: another release makes another image."""
    refresh: str = ""
    """What the job says of how old an answer may be; no part of the hash."""
    force: bool = False
    """Whether a registry has lost what it had: nothing of it is believed to be there."""

    @property
    def moving(self) -> bool:
        """Return whether what the code is named by may mean another tomorrow."""
        fetched = self.git is not None or self.oci is not None or self.claim is not None
        return fetched and not self.revision

    @property
    def based(self) -> bool:
        """Return whether the images that it stands on, and is built in, are named by digest."""
        devel = [each for each in (self.compile, self.wheels_in) if each]
        return all("@sha256:" in each for each in (self.base, *devel))

    @property
    def makes_wheels(self) -> bool:
        """Return whether packages without a wheel are built from their source distributions."""
        return self.requirements is not None and not self.requirements.wheels_only

    @property
    def pinned(self) -> bool:
        """Return whether all that goes in is named by its content.

        What a Dockerfile fetches is named nowhere: it is built for each job.
        """
        versions = self.requirements is None or self.requirements.pinned
        named = not self.moving and self.based
        return named and versions and self.dockerfile is None

    @property
    def revision(self) -> str:
        """Return the commit, or digest, that is asked for by its own name; empty for none."""
        if self.oci is not None:
            return self.oci.digest
        return self.git.ref if self.git is not None and self.git.pinned else ""

    def dump(self) -> str:
        """Return the document; the same order gives the same text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def hash(self) -> str:
        """Return what this order is known by, 32 hex digits: equal ones share a build."""
        versions = [requests.VERSION]
        if self.requirements is not None:
            versions += [packages.VERSION, inventories.VERSION]
        text = ":".join((*versions, replace(self, refresh="").dump()))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def load(text: str) -> Order:
    """Return the order in a document; raises ValueError."""
    return _ORDER.validate_json(text)


_ORDER = pydantic.TypeAdapter(Order)
