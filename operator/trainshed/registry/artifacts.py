"""Small documents kept in a repository beside its images, each under a tag of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainshed.builds import layers, manifests
from trainshed.registry import client as clients
from trainshed.registry import errors

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


async def find(
    client: clients.Client, repository: str, tag: str, *, kind: str
) -> Mapping[str, Any] | None:
    """Return the document under a tag; None where none of this kind is there.

    Whoever may push there may have put it there: it is data, and not our word.
    """
    try:
        _, manifest = await client.named_manifest(repository, tag)
        listed = manifest.get("layers")
        first = listed[0] if isinstance(listed, list) and len(listed) == 1 else None
        if not isinstance(first, Mapping) or first.get("mediaType") != kind:
            return None
        digest = first.get("digest")
        return await client.blob(repository, str(digest)) if manifests.is_digest(digest) else None
    except (errors.NotFound, errors.Rejected):
        return None


async def keep(
    client: clients.Client, repository: str, tag: str, document: bytes, *, kind: str
) -> None:
    """Put a JSON document under a tag."""
    await client.upload(repository, layers.digest(document), document, size=len(document))
    await name(client, repository, tag, _descriptor(document, kind), kind=kind)


async def name(
    client: clients.Client,
    repository: str,
    tag: str,
    descriptor: Mapping[str, object],
    *,
    kind: str,
    annotations: Mapping[str, str] | None = None,
) -> None:
    """Give a blob that is there a tag, and so a reason to stay."""
    await client.upload(repository, layers.digest(_EMPTY), _EMPTY, size=len(_EMPTY))
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifests.MANIFEST,
        "artifactType": kind,
        "config": _descriptor(_EMPTY, _EMPTY_TYPE),
        "layers": [dict(descriptor)],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    await client.put_manifest(repository, tag, text.encode())


def _descriptor(data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": layers.digest(data), "size": len(data)}
