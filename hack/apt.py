"""Installs Debian packages where another installation may run at the same time.

The images and the cluster are made side by side, and each installs what it lacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
# apt-get waits for dpkg's lock if it is told to, but never for that of the package lists.
_LOCKED = "Could not get lock"
_PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 0.5


def install(packages: Sequence[str], *, run: Callable[[Sequence[str]], object]) -> None:
    """Install packages, from fresh lists if they can be had; raises what `run` raises."""
    stale: Exception | None = None
    try:
        _patiently([*_APT, "update"], run)
    except Exception as error:
        # Lists that are there may do.
        stale = error
    try:
        _patiently([*_APT, "install", "-y", "--no-install-recommends", *packages], run)
    except Exception as error:
        raise stale or error from error


def _patiently(argv: Sequence[str], run: Callable[[Sequence[str]], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            run(argv)
            return
        except Exception as error:
            if _LOCKED not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)
