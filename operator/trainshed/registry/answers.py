"""What a build pod's order has already given: a second tag of the image, by the order's hash."""

from __future__ import annotations

import re
from typing import Any

from trainshed.builds import measures, orders
from trainshed.core import observed
from trainshed.registry import client as clients
from trainshed.registry import errors

KEY = "dev.trainshed.build.key"
BASE = "org.opencontainers.image.base.digest"
_KEY = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def tag(order: orders.Order) -> str:
    """Return the tag of what an order gave."""
    return f"o-{order.hash()}"


async def find(
    client: clients.Client, repository: str, order: orders.Order, *, pull: str
) -> observed.BuiltImage | None:
    """Return the image that an order gave, by one request; None where there is none.

    Only for an order whose inputs are all pinned: what another gave, it may not give again.
    """
    try:
        digest, manifest = await client.named_manifest(repository, tag(order))
    except errors.NotFound:
        return None
    told: Any = manifest.get("annotations")
    marks = told if isinstance(told, dict) else {}
    key, base = str(marks.get(KEY)), str(marks.get(BASE))
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
        source_revision=order.revision,
        hits=(measures.Hit.ORDER,),
    )


async def keep(
    client: clients.Client, repository: str, order: orders.Order, image: observed.BuiltImage
) -> None:
    """Give an image the tag by which its order is answered from now on."""
    await client.retag(repository, image.ref.rpartition("@")[2], tag(order))
