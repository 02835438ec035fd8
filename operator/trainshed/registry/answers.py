"""What a build pod's order has already given: a second tag of the image, by the order's hash."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from trainshed.builds import measures, provenance
from trainshed.core import observed
from trainshed.registry import client as clients
from trainshed.registry import errors

KEY = "dev.trainshed.build.key"
LOCK = "dev.trainshed.build.lock"
BASE = "org.opencontainers.image.base.digest"
_REVISION = re.compile(r"[0-9a-f]{40}|sha256:[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{32}")
log = logging.getLogger(__name__)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


async def find(
    client: clients.Client, repository: str, tag: str, *, pull: str
) -> observed.BuiltImage | None:
    """Return the image that an order gave, by one request for its tag; None where there is none."""
    try:
        digest, manifest = await client.named_manifest(repository, tag)
    except errors.NotFound:
        return None
    told: Any = manifest.get("annotations")
    marks = told if isinstance(told, dict) else {}
    key, base = str(marks.get(KEY)), str(marks.get(BASE))
    revision = str(marks.get(provenance.REVISION))
    # Whoever may push there may put anything behind the tag: it is no answer without our marks.
    if not _KEY.fullmatch(key) or not _DIGEST.fullmatch(base):
        return None
    return observed.BuiltImage(
        ref=f"{pull}/{repository}@{digest}",
        key=f"b-{key}",
        base_digest=base,
        cache_hit=True,
        seconds=0.0,
        uploaded_bytes=0,
        source_revision=revision if _REVISION.fullmatch(revision) else "",
        hits=(measures.Hit.ORDER,),
        lock_hash=lock if _DIGEST.fullmatch(lock := str(marks.get(LOCK))) else "",
    )


async def keep(
    client: clients.Client, repository: str, tags: Sequence[str], image: observed.BuiltImage
) -> None:
    """Give an image the tags by which its order is answered from now on.

    It is there without them too: an order that can't be answered is built again.
    """
    for each in tags:
        try:
            await client.retag(repository, image.ref.rpartition("@")[2], each)
        except (errors.RegistryError, errors.NotFound) as error:
            log.warning("the image can't have the tag %s, which answers its order: %s", each, error)
