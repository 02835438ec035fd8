"""How many CPUs a process may use, and what OpenMP should know of it."""

from __future__ import annotations

import math
import os
import pathlib
from collections.abc import MutableMapping

CGROUPS = pathlib.Path("/sys/fs/cgroup")
SPINS = "10000"
"""How often an idle OpenMP thread looks for work before it sleeps.

With a third of that, threads of a fast processor sleep between two regions, and the smallest model
trains a quarter slower. The default is thirty times as much: while something else runs on the
CPUs, each of the many short parallel regions of a small model then waits for a thread that was put
aside, and training gets ten to thirty times slower.
"""


def usable(root: pathlib.Path = CGROUPS, *, present: int | None = None) -> int:
    """Return how many CPUs this process may use: those present, less what its cgroup allows."""
    if present is None:
        present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    quota = _quota(root)
    return present if quota is None else max(1, min(present, math.ceil(quota)))


def advise(environment: MutableMapping[str, str]) -> None:
    """Set OpenMP's variables where the user has not; read when torch or NumPy is loaded."""
    environment.setdefault("OMP_NUM_THREADS", str(usable()))
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", SPINS)


def _quota(root: pathlib.Path) -> float | None:
    """Return the CPU limit in CPUs, of version 2 or 1; None where there is none."""
    try:
        quota, period = (root / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        whole = int((root / "cpu" / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        part = int((root / "cpu" / "cpu.cfs_period_us").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return whole / part if whole > 0 and part > 0 else None
