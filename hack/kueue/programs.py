"""Kueue's manager, built from go.mod."""

from __future__ import annotations

import pathlib

from hack import golang

SOURCE = pathlib.Path(__file__).parent / "go"


def manager() -> pathlib.Path:
    """Return Kueue's manager of go.mod's version; raises ClusterError."""
    return golang.built("kueue", "sigs.k8s.io/kueue/cmd/kueue", source=SOURCE)
