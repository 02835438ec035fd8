"""What the API server serves, where it is not the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from trainshed.kube import client, errors, kinds


async def served(api: client.Client, among: Iterable[kinds.Kind]) -> kinds.Kind | None:
    """Return the first of these kinds that is served."""
    for kind in among:
        if kind.plural in await _plurals(api, kind.root):
            return kind
    return None


async def versions(api: client.Client, group: str, plurals: Collection[str]) -> list[str]:
    """Return the versions of a group that have one of these resources, the preferred one first."""
    try:
        found = json.loads(await api.raw("GET", f"/apis/{group}"))
    except errors.NotFound:
        return []
    named = [each["version"] for each in found.get("versions", ())]
    return [
        each
        for each in named
        if not (await _plurals(api, f"/apis/{group}/{each}")).isdisjoint(plurals)
    ]


async def _plurals(api: client.Client, root: str) -> set[str]:
    """Return the resources of a group's version."""
    try:
        found = json.loads(await api.raw("GET", root))
    except errors.NotFound:
        return set()
    return {each["name"] for each in found.get("resources", ())}
