"""Finds the referees, or gets them: skopeo is Debian's, crane and oras are built from go.mod."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil

from hack import apt
from hack.cluster import commands, console, errors, settings, toolchain

SOURCE = pathlib.Path(__file__).parent / "go"


def skopeo() -> pathlib.Path:
    """Return skopeo, installed where it is missing; raises ClusterError where it can't be."""
    found = shutil.which("skopeo")
    if found is None:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise errors.Unavailable("skopeo is missing: install it by hand")
        apt.install(["skopeo"], run=commands.run)
        found = shutil.which("skopeo")
    assert found is not None
    return pathlib.Path(found)


def crane() -> pathlib.Path:
    """Return crane of go.mod's version; raises ClusterError."""
    return _built("crane", "github.com/google/go-containerregistry/cmd/crane")


def oras() -> pathlib.Path:
    """Return oras of go.mod's version; raises ClusterError."""
    return _built("oras", "oras.land/oras/cmd/oras")


def _built(name: str, package: str) -> pathlib.Path:
    """Return a program of go.mod's version, built where the cache lacks it."""
    cache = settings.cache()
    summed = hashlib.sha256((SOURCE / "go.sum").read_bytes()).hexdigest()
    target = cache / "bin" / f"{name}-{summed[:16]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Tests that run at the same time build it once.
    with (target.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            go = toolchain.ensure(cache=cache, shown=console.Console())
            fresh = target.with_suffix(".new")
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
            argv = [str(go), "-C", str(SOURCE), "build", "-trimpath", "-o", str(fresh), package]
            commands.run(argv, environment=environment)
            fresh.replace(target)
    return target
