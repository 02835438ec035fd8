"""Whether nodes of a shape can ever hold one pod of a job, and else how near they come."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainshed.accelerators import classes, nodes, selecting, tolerating
from trainshed.api import pod as pod_api

MANY = 1 << 16
"""Pods that a node holds of which nothing is known to be asked."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one pod asks for, without its accelerator's own part."""

    devices: int = 0
    """Devices; of a CPU none."""
    cores: int = 0
    """In thousandths."""
    memory: int = 0
    """Bytes."""
    others: Mapping[str, int] = field(default_factory=dict)
    """Further devices by their plugin's resource."""
    selector: Mapping[str, str] = field(default_factory=dict)
    affinity: selecting.Affinity = None
    tolerations: tuple[pod_api.Toleration, ...] = ()


class Stage(enum.IntEnum):
    """How far a shape comes; each stage has passed those before it."""

    CLASS = 0
    """Its nodes are not of the class."""
    DEVICES = 1
    """They have too few devices."""
    SELECTED = 2
    """They lack a label that the pod asks for."""
    TAINTED = 3
    """They have a taint that the pod does not tolerate."""
    OTHERS = 4
    """They have too few of the further devices that the pod asks for."""
    ROOM = 5
    """They have too few cores, or too little memory."""
    BROKEN = 6
    """They would do, but say that they are broken."""
    FITS = 7


@dataclass(frozen=True, slots=True)
class Found:
    """How far a shape comes, and by what it fails."""

    stage: Stage
    resource: str = ""
    """The name of the devices on it."""
    taint: nodes.Taint | None = None


def judge(
    shape: nodes.Shape, class_: classes.Class, need: Need, *, resource: str | None = None
) -> Found:
    """Return how far nodes of a shape come for a pod.

    `resource`: what the class's devices are called on them, where the index has told it.
    """
    resource = class_.resource(shape) if resource is None else resource
    if resource is None:
        return Found(Stage.CLASS)
    if resource and shape.amount(resource) < need.devices:
        return Found(Stage.DEVICES, resource)
    if not (selecting.selected(shape, need.selector) and selecting.admitted(shape, need.affinity)):
        return Found(Stage.SELECTED, resource)
    spec = class_.spec
    assert spec is not None
    borne: Sequence[pod_api.Toleration] = (*need.tolerations, *(spec.tolerations or ()))
    # Admission may add what bears a taint that is called as the devices.
    taint = tolerating.unborne((each for each in shape.taints if each.key != resource), borne)
    if taint is not None:
        return Found(Stage.TAINTED, resource, taint)
    if any(shape.amount(name) < count for name, count in need.others.items()):
        return Found(Stage.OTHERS, resource)
    if shape.amount(nodes.CORES) < need.cores or shape.amount(nodes.MEMORY) < need.memory:
        return Found(Stage.ROOM, resource)
    if shape.faults:
        return Found(Stage.BROKEN, resource)
    return Found(Stage.FITS, resource)


def pods(shape: nodes.Shape, found: Found, need: Need) -> int:
    """Return how many such pods an empty node of a fitting shape holds."""
    devices = need.devices if found.resource else 0
    amounts = (
        (shape.amount(found.resource), devices),
        (shape.amount(nodes.CORES), need.cores),
        (shape.amount(nodes.MEMORY), need.memory),
        *((shape.amount(name), count) for name, count in need.others.items()),
    )
    return min((has // asked for has, asked in amounts if asked), default=MANY)
