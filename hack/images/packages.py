"""Debian's packages that an image build needs, installed where their programs are missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from hack import apt
from hack.images import errors, programs

_PATH = ":".join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


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
    apt.install(wanted, run=run.output)
