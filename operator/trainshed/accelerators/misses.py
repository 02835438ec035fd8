"""Why no node can ever hold a job, by the nodes that come nearest to it."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.accelerators import classes, fitting, index, nodes
from trainshed.api import accelerator_class

Stage = fitting.Stage


def of_class(
    places: index.Index,
    class_: classes.Class,
    need: fitting.Need,
    *,
    room: int = 0,
    replicas: int = 1,
) -> str:
    """Return the nearest miss of one class. `room`: replicas that its nodes hold together."""
    if room:
        return (
            f"nodes of class {class_.name} hold {_count(room, 'replica')} at a time, the job has"
            f" {replicas}: create it anew with fewer replicas, or add nodes"
        )
    judged = [
        (fitting.judge(shape, class_, need), shape, held)
        for shape, _, held in places.shapes(class_.name)
    ]
    if not judged:
        return _none(places, class_)
    best = max(found.stage for found, _, _ in judged)
    near = [each for each in judged if each[0].stage is best]
    held = sum(count for _, _, count in near)
    shapes = [shape for _, shape, _ in near]
    resource = near[0][0].resource
    match best:
        case Stage.DEVICES:
            largest = max(shape.amount(found.resource) for found, shape, _ in near)
            return (
                f"{_has(held)} {resource}; the largest has {largest}, the job asks {need.devices}:"
                " create it anew with a lower accelerator.count and more replicas"
            )
        case Stage.SELECTED:
            return (
                f"{_count(held, 'node')} of class {class_.name} would do, but none is what"
                " pod.nodeSelector, pod.affinity and the image's platforms ask for: create the job"
                " anew without them, or label such a node"
            )
        case Stage.TAINTED:
            taint = near[0][0].taint
            assert taint is not None
            value = f"={taint.value}" if taint.value else ""
            return (
                f"{_count(held, 'node')} of class {class_.name} would do, but"
                f" {'is' if held == 1 else 'are'} tainted {taint.key}{value}:{taint.effect}: create"
                " the job anew with pod.tolerations for it, or have the class tolerate it"
            )
        case _:
            cores = max(shape.amount(nodes.CORES) for shape in shapes) / 1000
            memory = max(shape.amount(nodes.MEMORY) for shape in shapes) / (1 << 30)
            return (
                f"{_count(held, 'node')} of class {class_.name} would do; the largest has"
                f" {cores:g} cores and {memory:.0f} GiB, the job asks {need.cores / 1000:g} and"
                f" {need.memory / (1 << 30):.0f} GiB: create it anew with smaller resources"
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
        stages = [
            fitting.judge(shape, class_, need).stage for shape, _, _ in places.shapes(class_.name)
        ]
        if stages:
            near.append((max(stages), class_))
    if not near:
        names = ", ".join(each.name for each in named[:12])
        return (
            f"no node is of type {type_}: none has the labels and the devices of a class ({names});"
            " add such a node, or have its device plugin started"
        )
    stage, class_ = max(near, key=lambda each: each[0])
    room = 1 if stage is Stage.FITS else 0
    return of_class(places, class_, need, room=room, replicas=replicas)


def _none(places: index.Index, class_: classes.Class) -> str:
    """Say what the nodes lack that have the labels of a class, or that none has them."""
    spec = class_.spec
    match = spec.match if spec is not None else None
    pattern = match.resource_pattern if match is not None else None
    told, alike = "", 0
    if match is not None and (match.node_labels or match.any_node_labels):
        told = _labels(match)
        alike = sum(held for shape, held in places.every() if classes.labelled(shape, match))
    if alike and pattern:
        are = "is" if alike == 1 else "are"
        return (
            f"{_count(alike, 'node')} {are} labelled {told}, but without a device that matches"
            f" {pattern}: see that the device plugin runs there"
        )
    wanted = " and ".join(
        [*([f"label {told}"] if told else []), *([f"devices like {pattern}"] if pattern else [])]
    )
    return (
        f"no node is of class {class_.name}, whose nodes have {wanted}: add such a node, or give"
        " another class"
    )


def _labels(match: accelerator_class.Match) -> str:
    """Return the labels of a class in words."""
    ways = match.any_node_labels or [{}]
    return " or ".join(
        ", ".join(f"{key}={value}" for key, value in {**(match.node_labels or {}), **way}.items())
        for way in ways
    )


def _has(count: int) -> str:
    return "1 node has" if count == 1 else f"{count} nodes have"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
