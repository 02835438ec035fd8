"""Finds the referees, or gets them: skopeo is Debian's, crane and oras are built from go.mod."""

from __future__ import annotations

import os
import pathlib
import shutil

from hack import apt, golang
from hack.cluster import commands, errors

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
    return golang.built("crane", "github.com/google/go-containerregistry/cmd/crane", source=SOURCE)


def oras() -> pathlib.Path:
    """Return oras of go.mod's version; raises ClusterError."""
    return golang.built("oras", "oras.land/oras/cmd/oras", source=SOURCE)
