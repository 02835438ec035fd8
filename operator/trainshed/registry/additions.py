"""What goes between a base and the code of a job, and can be told only once the base is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trainshed.builds import bom, layers, manifests, requests
from trainshed.registry import answers, bases, pushing
from trainshed.registry import client as clients


class Refused(Exception):
    """Additions that can't be made; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where bases are read, and where what is found of them may be kept."""

    origin: clients.Client
    own: clients.Client
    repository: str
    """The namespace's own."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A base of one platform, and its place."""

    base: bases.Base
    platform: str
    place: Place


class Settled(Protocol):
    """Additions that are known, and not made yet."""

    @property
    def hash(self) -> str:
        """Return what an image with them is another one by."""

    @property
    def lock_hash(self) -> str:
        """Return `sha256:<hex>` of what was chosen; empty where nothing was to be."""

    @property
    def programs(self) -> str:
        """Return the folder of their programs."""

    @property
    def contents(self) -> Mapping[str, bom.Packages]:
        """Return what is in the image of each platform: the base's packages, and these."""

    @property
    def hits(self) -> Sequence[str]:
        """Return what was found in place of being made, once there are layers."""

    async def layers(self, platform: str, *, compression: str, room: int) -> Sequence[layers.Layer]:
        """Return the layers of a platform, at most `room`, the lowest first; raises Refused."""

    async def keep(self) -> None:
        """Keep what was made for other images; called once this one is there."""


class Additions(Protocol):
    """Additions to any base."""

    async def settle(self, grounds: Sequence[Ground]) -> Settled:
        """Return them for bases; raises Refused and RegistryError."""


def marks(settled: Settled | None) -> Mapping[str, str]:
    """Return what an image says of its additions."""
    found = settled.lock_hash if settled is not None else ""
    return {answers.LOCK: found} if found else {}


def hits(settled: Settled | None) -> tuple[str, ...]:
    """Return what was found in place of being made, of the additions that a new image has."""
    return () if settled is None else tuple(settled.hits)


async def under(
    parts: Sequence[pushing.Part], settled: Settled | None, request: requests.Request
) -> Sequence[pushing.Part]:
    """Return the parts with additions, if any, right above their bases; raises Refused."""
    if settled is None:
        return parts
    found = []
    for part, platform in zip(parts, request.platforms, strict=True):
        room = manifests.MAX_LAYERS - len(part.base.layers()) - len(part.added)
        more = await settled.layers(platform, compression=request.compression, room=room)
        base = part.base
        if isinstance(base, bases.Base):
            # What is mounted has no config: its programs are found when the container starts.
            base = replace(base, programs=settled.programs)
        found.append(replace(part, base=base, added=(*more, *part.added)))
    return found
