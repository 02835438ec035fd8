"""Which engine builds: the one asked for, else buildah as root, else docker's daemon."""

from __future__ import annotations

import os
import shutil

from hack.images import errors, packages, places, programs
from hack.images.engines import base, buildah, docker

NAMES = ("buildah", "docker")


def choose(name: str | None, *, lie: places.Places, run: programs.Runner) -> base.Engine:
    """Return an engine that works here; buildah is installed where nothing else is."""
    if name is not None and name not in NAMES:
        raise errors.Refused(f"there is no engine {name!r}: name one of {', '.join(NAMES)}")
    by_docker = docker.Docker(run=run)
    if name == docker.Docker.name:
        if not by_docker.answers():
            raise errors.Unavailable("docker's daemon does not answer: start it, or use buildah")
        return by_docker
    if name is None and not _buildah_is_better() and by_docker.answers():
        return by_docker
    packages.ensure({"buildah": "buildah"}, run=run)
    return buildah.Buildah(lie, driver=buildah.driver(lie.storage, run=run), run=run)


def _buildah_is_better() -> bool:
    return os.geteuid() == 0 and shutil.which("buildah") is not None
