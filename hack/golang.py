"""Builds a Go program of a go.mod of ours once, into the cache of this machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib

from hack.cluster import commands, console, settings, toolchain


def built(name: str, package: str, *, source: pathlib.Path) -> pathlib.Path:
    """Return a program of the version in `source`'s go.mod, built where the cache lacks it.

    Raises ClusterError.
    """
    cache = settings.cache()
    summed = hashlib.sha256((source / "go.sum").read_bytes()).hexdigest()
    target = cache / "bin" / f"{name}-{summed[:16]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Tests that run at the same time build it once.
    with (target.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            go = toolchain.ensure(cache=cache, shown=console.Console())
            fresh = target.with_suffix(".new")
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
            argv = [str(go), "-C", str(source), "build", "-trimpath", "-o", str(fresh), package]
            commands.run(argv, environment=environment)
            fresh.replace(target)
    return target
