"""How far the nodes that there are come for a pod that has its choice, and waits for a node."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed.accelerators import choices, classes, fitting, index, misses, nodes
from trainshed.api import accelerator_class

Stage = fitting.Stage
ANY = classes.Class("", accelerator_class.AcceleratorClassSpec(type=accelerator_class.Type.CPU))
"""Stands for every node, where no class was chosen."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The nodes that come farthest."""

    stage: Stage
    nodes: int
    """How many come so far."""
    of: str
    """` of class NAME`, or empty."""
    problems: tuple[str, ...] = ()
    """Why no node that fits takes a pod at the moment; empty where one is sound."""
    miss: misses.Miss | None = None
    """By what they fail; None where they fit."""


def of(places: index.Index | None, chosen: choices.Choice, need: fitting.Need) -> Reach | None:
    """Return how far nodes come for a pod; None where nothing is known of them, or of its class."""
    if places is None or next(places.every(), None) is None:
        return None
    class_ = places.known().get(chosen.class_) if chosen.class_ else ANY
    if class_ is None or class_.problem:
        return None
    judged = misses.judged(places, class_, need)
    best = max((found.stage for found, _, _ in judged), default=Stage.CLASS)
    near = [each for each in judged if each[0].stage is best]
    told = f" of class {class_.name}" if class_.name else ""
    count = sum(held for _, _, held in near)
    if best is not Stage.FITS:
        return Reach(best, count, told, miss=misses.nearest(places, class_, judged, need))
    return Reach(best, count, told, _problems([shape for _, shape, _ in near]))


def _problems(shapes: list[nodes.Shape]) -> tuple[str, ...]:
    if not all(each.problems for each in shapes):
        return ()
    return tuple(sorted({problem for each in shapes for problem in each.problems}))
