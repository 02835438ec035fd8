"""What the names of development images mean, where the operator may ask."""

from __future__ import annotations

from dataclasses import replace

from trainshed.builds import orders
from trainshed.registry import errors, hosts, references, remembered, targets


async def pinned(
    order: orders.Order, known: remembered.Bases, calls: hosts.Hosts, target: targets.Target
) -> orders.Order:
    """Return an order whose development images are named by digest; raises RegistryError.

    One that the operator must not call, or may not read, stays a name: the nodes pull it.
    """
    images = {each for each in (order.compile, order.wheels_in) if each}
    named = {each: await _named(each, known, calls, target) for each in images}
    return replace(
        order,
        compile=named.get(order.compile, ""),
        wheels_in=named.get(order.wheels_in, ""),
    )


async def _named(
    name: str, known: remembered.Bases, calls: hosts.Hosts, target: targets.Target
) -> str:
    image = references.parse(name)
    if not target.reaches(image.host):
        return name
    try:
        digest = await known.digest(name, image, calls.client(target.url(image.host)))
    except (errors.Unauthorized, errors.Forbidden):
        return name
    except errors.BaseNotFound as error:
        raise errors.BaseNotFound(
            f"the development image {name} is not in its registry: push it, or have"
            " images.devel of the chart name another"
        ) from error
    return f"{image.host}/{image.repository}@{digest}"
