"""What a framework is to the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

RANK = "$(TRAINSHED_RANK)"
"""Kubernetes puts the pod's rank here when it starts the container."""
MASTER_PORT = 29500

Hosts = Sequence[str]
"""The replicas' host names, in order of their index; each runs one process."""


@dataclass(frozen=True, slots=True)
class Framework:
    """How built-in models are started, and how the processes of a command find each other.

    What the launcher starts needs no `rendezvous`: the launcher sets these variables itself, for
    each process that it starts.
    """

    entry_point: Sequence[str]
    rendezvous: Callable[[Hosts], Mapping[str, str]]
