"""What becomes of memory that is freed."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""glibc's parameters by their numbers in malloc.h."""


def keep(environment: Mapping[str, str] = os.environ) -> None:
    """Have what is freed stay with this process, unless the user tunes malloc.

    glibc gives large blocks back to the kernel, which then has to clear every page of the next
    one: half the time of a step whose maps have tens of megabytes. A training step asks for the
    blocks of the one before, so that a process needs no more memory than at its peak.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in environment):
        return
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:  # not every C library has this habit
        change(MMAP_MAX, 0)
        change(TRIM_THRESHOLD, -1)
