"""Symbolic links of a tree that is on no disk: where they lead, as the kernel follows them."""

from __future__ import annotations

import collections
from collections.abc import Mapping

_HOPS = 40
"""So many links the kernel follows for one name."""


def of(files: Mapping[str, bytes], kind: type[bytes]) -> dict[str, str]:
    """Return the targets of the links among files by their names; raises UnicodeError."""
    return {name: data.decode() for name, data in files.items() if isinstance(data, kind)}


def resolve(name: str, links: Mapping[str, str]) -> str | None:
    """Return the name that a name means once its links are followed; None where it leads out."""
    here: list[str] = []
    left = collections.deque(name.split("/"))
    hops = 0
    while left:
        part = left.popleft()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return None
            here.pop()
            continue
        here.append(part)
        target = links.get("/".join(here))
        if target is not None:
            hops += 1
            if target.startswith("/") or hops > _HOPS:
                return None
            here.pop()
            left.extendleft(reversed(target.split("/")))
    return "/".join(here)
