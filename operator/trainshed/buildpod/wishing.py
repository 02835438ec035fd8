"""The first step of packages that may be built: what is wanted, on what base."""

from __future__ import annotations

import asyncio
import logging
import pathlib
from collections.abc import Mapping
from typing import Any

from trainshed.buildpod import makers, places, sdists, stocktaking, uv, wishes
from trainshed.builds import inventories, orders, pods
from trainshed.core import plan

_log = logging.getLogger("trainshed.buildpod")


def lay_out(
    order: orders.Order,
    settings: Mapping[str, Any],
    registries: places.Places,
    files: Mapping[str, bytes],
) -> None:
    """Write what an order wants where it is built; raises BuildFailed and RegistryError.

    `files`: of the source, among which a file of requirements is.
    """
    assert order.requirements is not None
    wish = wishes.read(order.requirements, files)
    base = asyncio.run(_base(order, settings, registries))
    _log.info("the base has Python %s and %d packages", base.python, len(base.packages))
    sdists.lay_out(wish, base, index(order, settings), constraints=order.requirements.constraints)


def index(order: orders.Order, settings: Mapping[str, Any]) -> uv.Index:
    """Return the index that an order's packages come from, with what its Secret has for it."""
    url = order.requirements.index if order.requirements is not None else ""
    return uv.read_index(url, pathlib.Path(pods.INDEX_SECRET), str(settings["indexCa"]))


async def _base(
    order: orders.Order, settings: Mapping[str, Any], registries: places.Places
) -> inventories.Inventory:
    wanted = plan.BuildOrder(
        base=order.base,
        entrypoint=order.entrypoint,
        platforms=order.platforms,
        repository=order.repository,
        forced=0.0 if order.force else None,
    )
    async with makers.opened(order, settings, registries) as maker:
        # One platform: what is built here is for the node that it is built on.
        (ground,) = await maker.grounds(str(settings["namespace"]), wanted)
        return await stocktaking.take(ground)
