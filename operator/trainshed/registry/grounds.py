"""The bases that an image stands on: for what goes between them and the code, and to be pushed."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.builds import requests
from trainshed.core import plan
from trainshed.registry import (
    additions,
    admitted,
    bases,
    hosts,
    pushing,
    references,
    remembered,
    targets,
)
from trainshed.registry import client as clients


async def read(
    known: remembered.Bases,
    calls: hosts.Hosts,
    target: targets.Target,
    *,
    namespace: str,
    order: plan.BuildOrder,
    digest: str = "",
) -> Sequence[additions.Ground]:
    """Return the base of each platform of an order, and its place; raises RegistryError.

    `digest`: what its base was found to mean, where that was asked before.
    """
    base, doubting = references.parse(order.base), order.forced is not None
    target.admit(namespace, base)
    at = admitted.place(target, namespace, order.repository)
    origin = calls.client(target.url(base.host), doubting=doubting)
    place = additions.Place(origin, calls.client(at.url, doubting=doubting), at.repository)
    digest = digest or await known.digest(order.base, base, origin)
    return [
        additions.Ground(
            await known.read(origin, base, digest=digest, platform=platform), platform, place
        )
        for platform in order.platforms
    ]


async def below(
    known: remembered.Bases,
    origin: clients.Client,
    reference: references.Reference,
    request: requests.Request,
) -> Sequence[pushing.Below]:
    """Return what the image of each platform is put onto; raises RegistryError.

    Bases are all read first: of one that lacks a platform nothing is packed. One that runs as
    it is need not be read.
    """
    if not request.mounted:
        return await known.of(origin, reference, request)
    digest = request.base_digest
    return [bases.Untouched(reference, digest, platform) for platform in request.platforms]
