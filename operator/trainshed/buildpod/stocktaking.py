"""Reads what a base has for Python from its layers, once: the answer is kept beside the images."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import tarfile
import time
import zlib
from collections.abc import Mapping
from typing import Any

import zstandard

from trainshed.api import reasons
from trainshed.buildpod import failing, listings, pythons, streams
from trainshed.builds import inventories, manifests
from trainshed.registry import additions, artifacts, errors

KIND = "application/vnd.trainshed.inventory.v1+json"
log = logging.getLogger("trainshed.buildpod")


async def take(ground: additions.Ground) -> inventories.Inventory:
    """Return what a base has; raises BuildFailed and RegistryError."""
    name = tag(ground.base.manifest)
    known = await artifacts.find(ground.place.own, ground.place.repository, name, kind=KIND)
    if known is not None:
        try:
            return inventories.load(json.dumps(known))
        except ValueError:
            log.info("what is kept of the base under %s is not sound: it is read anew", name)
    began = time.monotonic()
    found = await _read(ground)
    log.info(
        "read %d layers of the base: Python %s, %d packages, %.2f s",
        *(len(ground.base.layers()), found.python, len(found.packages)),
        time.monotonic() - began,
    )
    try:
        await artifacts.keep(
            ground.place.own, ground.place.repository, name, found.dump().encode(), kind=KIND
        )
    except errors.RegistryError as error:
        # The next build reads the base again: that is slow, and nothing worse.
        log.info("what the base has could not be kept: %s", error)
    return found


def tag(manifest: Mapping[str, Any]) -> str:
    """Return the tag that a base's inventory is kept under: by its config and its layers."""
    digests = [digest for digest, _ in manifests.base_layers(manifest)]
    text = ":".join((inventories.VERSION, manifests.config_digest(manifest), *digests))
    return f"i-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


async def _read(ground: additions.Ground) -> inventories.Inventory:
    listing = listings.Listing()
    loop = asyncio.get_running_loop()
    for (digest, _), media_type in zip(
        ground.base.layers(), manifests.layer_types(ground.base.manifest), strict=True
    ):
        pieces = ground.place.origin.stream_blob(ground.base.reference.repository, digest)
        raw = streams.Pieces(pieces, loop)
        try:
            await asyncio.to_thread(_add, listing, raw, media_type, digest)
        except errors.NotFound as error:
            raise errors.BaseNotFound(
                f"a layer of base image {ground.base.reference.repository} is gone from its"
                " registry: push the image anew"
            ) from error
    config: Any = ground.base.config
    return pythons.take_stock(listing, _environment(config), str(config.get("architecture")))


def _add(listing: listings.Listing, raw: streams.Pieces, media_type: str, digest: str) -> None:
    try:
        with streams.plain(raw, media_type) as tar:
            listing.add(tar)
            found = raw.digest()
    except listings.TooMuch as error:
        raise _unreadable("it has too many files") from error
    except (tarfile.TarError, EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        raise _unreadable(f"its layer {digest} can't be read ({type(error).__name__})") from error
    if found != digest:
        raise errors.Rejected(f"the registry answers with other bytes than those of {digest}")


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    run = config.get("config")
    given = run.get("Env") if isinstance(run, Mapping) else None
    pairs = (str(each).partition("=") for each in given) if isinstance(given, list) else ()
    return {name: value for name, _, value in pairs}


def _unreadable(why: str) -> failing.BuildFailed:
    return failing.BuildFailed(
        reasons.BuildReason.BASE_WITHOUT_PYTHON,
        f"what the base image has for Python can't be told: {why}: use another image.base, or"
        " leave out source.requirements",
    )
