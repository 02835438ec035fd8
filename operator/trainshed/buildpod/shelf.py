"""Layers of big distributions, kept by what they were made of: fetched and packed once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic

from trainshed.buildpod import locks
from trainshed.builds import inventories, layers, manifests
from trainshed.registry import additions, artifacts, errors

KIND = "application/vnd.trainshed.distribution.v1"
VERSION = "2"
"""Of how a distribution is packed: another way must not find what the old one kept."""
_AT_ONCE = 8
_MARK = "dev.trainshed.distribution"


@dataclass(frozen=True, slots=True)
class Kept:
    """A distribution's layer that is in the repository."""

    layer: layers.Layer
    size: int
    """Bytes of its files."""


class _Told(pydantic.BaseModel):
    """What is kept beside a layer: whoever may push there may have written it."""

    diff_id: Annotated[str, pydantic.Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    size: Annotated[int, pydantic.Field(ge=0, lt=2**50)]
    comment: Annotated[str, pydantic.Field(max_length=200, pattern=r"^trainshed: [!-~]+$")]


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a namespace's repository keeps for bases of one Python and platform."""

    place: additions.Place
    base: inventories.Inventory
    compression: str

    async def find(self, lock: str) -> dict[str, Kept]:
        """Return what is there of a lock's distributions, by name."""
        free = asyncio.Semaphore(_AT_ONCE)

        async def look(text: str) -> Kept | None:
            async with free:
                return await self._look(self.tag(text))

        blocks = locks.blocks(lock)
        found = await asyncio.gather(*map(look, blocks.values()))
        return {name: kept for name, kept in zip(blocks, found, strict=True) if kept is not None}

    async def keep(self, text: str, kept: Kept) -> None:
        """Keep the layer of the distribution that a lock names so; it must have been pushed."""
        told = {
            "diff_id": kept.layer.diff_id,
            "size": kept.size,
            "comment": kept.layer.comment,
        }
        await artifacts.name(
            self.place.own,
            self.place.repository,
            self.tag(text),
            kept.layer.descriptor(),
            kind=KIND,
            annotations={_MARK: json.dumps(told, sort_keys=True, separators=(",", ":"))},
        )

    def tag(self, text: str) -> str:
        """Return the tag of what a distribution's part of a lock gives on this base.

        Whichever of the lock's files uv takes for this Python and platform, it takes again.
        """
        parts = [VERSION, self.base.python, self.base.platform, self.compression, text]
        return f"w-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"

    async def _look(self, tag: str) -> Kept | None:
        client, repository = self.place.own, self.place.repository
        try:
            _, manifest = await client.named_manifest(repository, tag)
            found = _read(manifest, self.compression)
            there = found and await client.has_blob(repository, found.layer.digest)
        except (errors.NotFound, errors.Rejected):
            return None
        return found if there else None


def _read(manifest: Mapping[str, Any], compression: str) -> Kept | None:
    """Return what a manifest says; None where it is none of ours, or not sound."""
    try:
        (layer,) = manifest["layers"]
        told = _Told.model_validate_json(manifest["annotations"][_MARK])
        digest, size = layer["digest"], layer["size"]
        sound = manifests.is_digest(digest) and type(size) is int and size > 0
        if not sound or layer["mediaType"] != layers.MEDIA_TYPES[compression]:
            return None
    except (KeyError, TypeError, ValueError):
        return None
    packed = layers.Layer(
        media_type=layers.MEDIA_TYPES[compression],
        digest=digest,
        diff_id=told.diff_id,
        data=b"",
        comment=told.comment,
        stored=size,
    )
    return Kept(packed, told.size)
