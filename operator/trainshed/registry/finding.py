"""Finds an image by its content key: as it is, or as one that says where its code is from."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.builds import layers, manifests, provenance
from trainshed.registry import errors, pushing


async def find(to: pushing.Push, annotations: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the digest of an image and the bytes sent for it; None where there is none.

    An image of the same key that is from another place is given a manifest of its own, with these
    annotations: all its blobs are there.
    """
    particular, *others = to.tags
    digest = await to.client.find_manifest(to.repository, particular)
    if digest is not None or not others:
        return None if digest is None else (digest, 0)
    try:
        _, document = await to.client.named_manifest(to.repository, to.tag)
    except errors.NotFound:
        return None
    media_type = str(document.get("mediaType"))
    if media_type not in (manifests.MANIFEST, manifests.INDEX):
        return None
    manifest = provenance.relabelled(document, annotations)
    # The tag that all share stays with whom it was given to.
    await to.client.put_manifest(to.repository, particular, manifest, media_type=media_type)
    return layers.digest(manifest), len(manifest)
