"""What the name of a development image means, where the operator may ask."""

from __future__ import annotations

from dataclasses import replace

from trainshed.builds import orders
from trainshed.registry import errors, hosts, references, remembered, targets


async def pinned(
    order: orders.Order, known: remembered.Bases, calls: hosts.Hosts, target: targets.Target
) -> orders.Order:
    """Return an order whose development image is named by digest; raises RegistryError.

    One that the operator must not call, or may not read, stays a name: the nodes pull it.
    """
    if not order.compile:
        return order
    image = references.parse(order.compile)
    if not target.reaches(image.host):
        return order
    try:
        digest = await known.digest(order.compile, image, calls.client(target.url(image.host)))
    except (errors.Unauthorized, errors.Forbidden):
        return order
    except errors.BaseNotFound as error:
        raise errors.BaseNotFound(
            f"the development image {order.compile} is not in its registry: push it, or have"
            " images.devel of the chart name another"
        ) from error
    return replace(order, compile=f"{image.host}/{image.repository}@{digest}")
