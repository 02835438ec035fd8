"""Keeps the list of what an image contains beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from trainshed.builds import bom, requests
from trainshed.registry import pushing, references, referrers


async def describe(
    to: pushing.Push,
    digest: str,
    request: requests.Request,
    base: references.Reference,
    packages: Mapping[str, bom.Packages],
) -> None:
    """Attach the list to an image that was pushed; raises RegistryError and NotFound."""
    # A tree may have hundreds of megabytes.
    source = await asyncio.to_thread(requests.tree_hash, request.source) if request.source else ""
    contents = bom.Contents(
        image=to.name,
        digest=digest,
        base=f"{base.host}/{base.repository}",
        base_digest=request.base_digest,
        library=request.library,
        source=source,
        marks=to.marks,
        packages=packages,
    )
    document = bom.compose(contents)
    await referrers.attach(to.client, to.repository, digest, document, kind=bom.MEDIA_TYPE)
