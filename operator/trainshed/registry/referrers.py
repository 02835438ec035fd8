"""Documents about an image, kept beside it: found by its digest, and named by no tag of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainshed.builds import layers, manifests
from trainshed.registry import client as clients
from trainshed.registry import errors

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


async def attach(
    client: clients.Client, repository: str, subject: str, document: bytes, *, kind: str
) -> str:
    """Keep a document of a media type with the image of a digest; return its own digest.

    The same document twice is one. A registry that keeps no account of what refers to an image is
    given one, by the tag that the specification of OCI has for it. Raises RegistryError, NotFound.
    """
    about = await client.descriptor(repository, subject)
    for data in (_EMPTY, document):
        if not await client.has_blob(repository, layers.digest(data)):
            await client.upload(repository, layers.digest(data), data, size=len(data))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": manifests.MANIFEST,
            "artifactType": kind,
            "config": _descriptor(_EMPTY, _EMPTY_TYPE),
            "layers": [_descriptor(document, kind)],
            "subject": about,
        }
    )
    digest = layers.digest(manifest)
    if not await client.put_manifest(repository, digest, manifest):
        listed = {**_descriptor(manifest, manifests.MANIFEST), "artifactType": kind}
        await _list(client, repository, tag(subject), listed)
    return digest


def tag(subject: str) -> str:
    """Return the tag under which a registry without an account of its own has that of an image."""
    return subject.replace(":", "-", 1)


async def _list(
    client: clients.Client, repository: str, name: str, entry: Mapping[str, object]
) -> None:
    """Add an entry to the account; what others have put there stays."""
    try:
        _, before = await client.named_manifest(repository, name)
    except errors.NotFound:
        before = {}
    listed: Any = before.get("manifests")
    kept = (
        [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    )
    if any(each.get("digest") == entry["digest"] for each in kept):
        return
    index = {"schemaVersion": 2, "mediaType": manifests.INDEX, "manifests": [*kept, entry]}
    await client.put_manifest(repository, name, _json(index), media_type=manifests.INDEX)


def _descriptor(data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": layers.digest(data), "size": len(data)}


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
