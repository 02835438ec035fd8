"""What makes images in a build pod, with the connections and the rights that the pod was given."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from trainshed.buildpod import granted, places
from trainshed.builds import orders
from trainshed.registry import builder, opening

LIBRARY = pathlib.Path("/opt/trainshed/trainer")


@contextlib.asynccontextmanager
async def opened(
    order: orders.Order,
    settings: Mapping[str, Any],
    registries: places.Places,
    *,
    library: pathlib.Path = LIBRARY,
) -> AsyncIterator[builder.Builder]:
    """Yield the maker of an order's image; raises BuildFailed and RegistryError."""
    async with (
        granted.issuer(settings) as issue,
        granted.lender(settings) as lender,
        opening.open_builder(
            target=registries.target,
            ca_file=registries.ca_file,
            credentials_file=registries.push_file,
            library=library,
            clock=time.monotonic,
            limit=order.max_bytes,
            whose=places.PUSHER,
            issue=issue,
            lender=lender,
        ) as maker,
    ):
        yield maker
