"""Debian's packages that an image build needs, installed where their programs are missing."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping

from hack.images import errors, programs

_PATH = ":".join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
# The cluster's packages are installed at the same time, and lists have no lock to wait for.
_LOCKED = "Could not get lock"
_PATIENCE_SECONDS = 300.0
_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")


def missing(needed: Mapping[str, str]) -> list[str]:
    """Return the packages whose program is not on this machine."""
    return [package for name, package in needed.items() if not program(name)]


def program(name: str) -> str | None:
    """Return the path of a program, also of one that only root has in its PATH."""
    return shutil.which(name, path=_PATH)


def ensure(needed: Mapping[str, str], *, run: programs.Runner) -> None:
    """Install the packages of the programs that are not there."""
    wanted = missing(needed)
    if not wanted:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise errors.Unavailable(f"{' and '.join(wanted)} must be installed first")
    _patiently(lambda: run.output([*_APT, "update"]))
    _patiently(lambda: run.output([*_APT, "install", "-y", "--no-install-recommends", *wanted]))


def _patiently(install: Callable[[], str]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            install()
            return
        except errors.CommandFailed as error:
            if _LOCKED not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.5)
