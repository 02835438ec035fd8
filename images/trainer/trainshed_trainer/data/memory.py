"""How much memory this process may use: what the node has, less what its cgroup allows."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping

from trainshed_trainer import cpus

FILES = ("memory.max", "memory/memory.limit_in_bytes")


def limit(
    root: pathlib.Path = cpus.CGROUPS,
    *,
    present: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Return the bytes that this process may use; the ranks of one pod share its limit."""
    if present is None:
        present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = [present, *(value for name in FILES if (value := _read(root / name)) is not None)]
    return min(found) // _ranks(environment)


def _read(path: pathlib.Path) -> int | None:
    """Return the limit in a file of version 2 or 1; None where there is none."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # ValueError: "max"
        return None


def _ranks(environment: Mapping[str, str]) -> int:
    said = environment.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(said)) if said.isdecimal() else 1
