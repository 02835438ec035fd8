"""Why no node can ever hold a job, by the nodes that come nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.accelerators import classes, fitting, index, nodes
from trainshed.api import accelerator_class

Stage = fitting.Stage
WAYS = 3
"""How many sets of labels a message names."""


Judged = Sequence[tuple[fitting.Found, nodes.Shape, int]]
"""How far each shape comes, and how many nodes are of it."""


@dataclass(frozen=True, slots=True)
class Miss:
    """By what nodes fail, and what to do about it."""

    said: str
    do: str

    def __str__(self) -> str:
        """Return both as one message."""
        return f"{self.said}; {self.do}"


def judged(places: index.Index, class_: classes.Class, need: fitting.Need) -> Judged:
    """Return how far the nodes of a class come for a pod."""
    return [
        (fitting.judge(shape, class_, need, resource=known), shape, held)
        for shape, known, held in places.shapes(class_.name)
    ]


def of_class(
    places: index.Index,
    class_: classes.Class,
    need: fitting.Need,
    *,
    room: int = 0,
    replicas: int = 1,
) -> str:
    """Return the nearest miss of one class. `room`: replicas that its nodes hold together."""
    found = judged(places, class_, need)
    if not room:
        return str(nearest(places, class_, found, need))
    broken = [each for each in found if each[0].stage is Stage.BROKEN]
    beside = f", and {_broken(broken)}" if broken else ""
    return (
        f"nodes of class {class_.name} hold {_count(room, 'replica')} at a time, the job has"
        f" {replicas}{beside}; create it anew with fewer replicas, or add nodes"
    )


def nearest(places: index.Index, class_: classes.Class, judged: Judged, need: fitting.Need) -> Miss:
    """Return by what the nodes fail that come nearest; a class without a name is of every node."""
    if not judged:
        return _pool(class_, need) or _none(places, class_)
    best = max(found.stage for found, _, _ in judged)
    near = [each for each in judged if each[0].stage is best]
    held = sum(count for _, _, count in near)
    would = f"{_count(held, 'node')}{f' of class {class_.name}' if class_.name else ''} would do"
    match best:
        case Stage.DEVICES:
            largest = max(shape.amount(found.resource) for found, shape, _ in near)
            return Miss(
                f"{_has(held)} {near[0][0].resource}; the largest has {largest}, the job asks"
                f" {need.devices}",
                "create it anew with a lower accelerator.count and more replicas",
            )
        case Stage.SELECTED:
            return Miss(
                f"{would}, but none is what pod.nodeSelector, pod.affinity and the image's"
                " platforms ask for",
                "create the job anew without them, or label such a node",
            )
        case Stage.TAINTED:
            are = "is" if held == 1 else "are"
            or_ = ", or have the class tolerate it" if class_.name else ""
            return Miss(
                f"{would}, but {are} tainted {_taints(near)}",
                f"create the job anew with pod.tolerations for it{or_}",
            )
        case Stage.OTHERS:
            wanted = ", ".join(f"{name}: {count}" for name, count in sorted(need.others.items()))
            return Miss(
                f"{would}, but none has {wanted} of resources.devices",
                "create the job anew without, or see that the device plugin runs there",
            )
        case Stage.BROKEN:
            return Miss(_broken(near), "see to them, or add others")
        case _:
            return _too_small([shape for _, shape, _ in near], need, would)


def _too_small(shapes: Sequence[nodes.Shape], need: fitting.Need, would: str) -> Miss:
    cores = max(shape.amount(nodes.CORES) for shape in shapes) / 1000
    memory = max(shape.amount(nodes.MEMORY) for shape in shapes) / (1 << 30)
    return Miss(
        f"{would}; the largest has {cores:g} cores and {memory:.0f} GiB, the job asks"
        f" {need.cores / 1000:g} and {need.memory / (1 << 30):.0f} GiB",
        "create it anew with smaller resources",
    )


def _taints(near: Judged) -> str:
    """Return the taints that keep nodes from it, each once."""
    taints = dict.fromkeys(found.taint for found, _, _ in near if found.taint is not None)
    return " or ".join(
        f"{each.key}{f'={each.value}' if each.value else ''}:{each.effect}" for each in taints
    )


def of_type(
    places: index.Index,
    type_: str,
    named: Sequence[classes.Class],
    need: fitting.Need,
    *,
    replicas: int,
) -> str:
    """Return the nearest miss of several classes of a type."""
    near: list[tuple[Stage, classes.Class]] = []
    for class_ in named:
        found = judged(places, class_, need)
        if found:
            near.append((max(each.stage for each, _, _ in found), class_))
    if not near:
        pools = sorted(named, key=lambda each: -_made(each))
        if (small := _pool(pools[0], need)) is not None:
            return str(small)
        names = ", ".join(each.name for each in named[:12])
        return (
            f"no node is of type {type_}: none has the labels and the devices of a class ({names});"
            " add such a node, or have its device plugin started"
        )
    stage, class_ = max(near, key=lambda each: each[0])
    room = 1 if stage is Stage.FITS else 0
    return of_class(places, class_, need, room=room, replicas=replicas)


def _made(class_: classes.Class) -> int:
    """Return how many devices a node has that an autoscaler may make; 0 for none."""
    pool = class_.spec.scale_from_zero if class_.spec is not None else None
    return pool.allocatable if pool is not None else 0


def _pool(class_: classes.Class, need: fitting.Need) -> Miss | None:
    """Say of a pool without a node that its nodes are too small; None of anything else."""
    made = _made(class_)
    if not 0 < made < need.devices:
        return None
    return Miss(
        f"no node is of class {class_.name} now, and one that an autoscaler makes has"
        f" {_count(made, 'device')}; the job asks {need.devices}",
        "create it anew with a lower accelerator.count and more replicas",
    )


def _none(places: index.Index, class_: classes.Class) -> Miss:
    """Say what the nodes lack that have the labels of a class, or that none has them."""
    spec = class_.spec
    match = spec.match if spec is not None else None
    pattern = match.resource_pattern if match is not None else None
    told, alike = "", 0
    if match is not None and (match.node_labels or match.any_node_labels):
        told = _labels(match)
        alike = places.bare(class_.name)
    if alike and pattern:
        are = "is" if alike == 1 else "are"
        return Miss(
            f"{_count(alike, 'node')} {are} labelled {told}, but without a device that matches"
            f" {pattern}",
            "see that the device plugin runs there",
        )
    wanted = " and ".join(
        [*([f"label {told}"] if told else []), *([f"devices like {pattern}"] if pattern else [])]
    )
    return Miss(
        f"no node is of class {class_.name}, whose nodes have {wanted}",
        "add such a node, or give another class",
    )


def _labels(match: accelerator_class.Match) -> str:
    """Return the labels of a class in words."""
    ways = match.any_node_labels or [{}]
    told = " or ".join(
        ", ".join(f"{key}={value}" for key, value in {**(match.node_labels or {}), **way}.items())
        for way in ways[:WAYS]
    )
    return told + (f" or one of {len(ways) - WAYS} others" if len(ways) > WAYS else "")


def _broken(near: Judged) -> str:
    """Say how many nodes would do if they were not broken, and what they say of it."""
    held = sum(count for _, _, count in near)
    said = ", ".join(dict.fromkeys(fault for _, shape, _ in near for fault in shape.faults))
    verb = "says that it is" if held == 1 else "say that they are"
    return f"{_count(held, 'node')} would do but {verb} broken ({said})"


def _has(count: int) -> str:
    return "1 node has" if count == 1 else f"{count} nodes have"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
