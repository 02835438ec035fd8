"""What a pass decided: finished objects and the status, for `runtime` to carry out in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainshed.builds import orders
from trainshed.core import observed

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """An image to make: what to put on which base."""

    base: str
    entrypoint: tuple[str, ...]
    """The container's whole command."""
    source_entrypoint: tuple[str, ...] = ()
    """The part of it that the user's source gives; empty for a built-in model."""
    files: Mapping[str, str] | None = None
    """Inline files; None where there are none."""
    config_map: str | None = None
    """Name of the ConfigMap that holds the files."""
    compression: str = "zstd"
    platforms: tuple[str, ...] = ("linux/amd64",)
    mounted: bool = False
    """Whether it is to be mounted into the base as a volume."""
    nodes: str = ""
    """The label selector of the nodes that the job may run on."""
    pod: orders.Order | None = None
    """What a build pod is to do; None where this process can pack the files itself."""
    repository: str = ""
    """HOST/PATH that the image goes to; empty for the namespace's own."""
    placement: Mapping[str, Any] | None = field(default_factory=dict)
    """Where the job's pods may run, as fields of a pod; None while that is open."""
    push_secret: str = ""
    pull_secrets: tuple[str, ...] = ()
    """Secrets by which the kubelet pulls the build pod's own image."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """What the image says of where its code is from, as annotations."""
    seconds: float = 0.0
    """So long it may take; 0: as the operator's settings say."""
    forced: float | None = None
    """When the image was found to be broken: nothing from before then is taken for an answer."""


@dataclass(frozen=True, slots=True)
class Delete:
    """A child Job to delete, only if it is still the one that was seen."""

    name: str
    uid: observed.Uid


@dataclass(frozen=True, slots=True)
class Inquiry:
    """An object whose events tell why nothing happens."""

    kind: str
    name: str
    uid: observed.Uid
    reasons: frozenset[str] = frozenset()
    """Only events of these reasons, of whatever type; empty: Warnings of any."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes event for the TrainingJob."""

    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Carried out in this order: build, creates, deletes, status, notices."""

    build: BuildOrder | None = None
    creates: tuple[Manifest, ...] = ()
    deletes: tuple[Delete, ...] = ()
    inquiry: Inquiry | None = None
    status: Mapping[str, Any] | None = None
    """The whole new status; None when it is as it was."""
    notices: tuple[Notice, ...] = ()
    requeue_after: float | None = None
    waits_for_nodes: bool = False
    """Whether another pass is due when nodes or classes change."""
