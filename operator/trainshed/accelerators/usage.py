"""Which devices pods of TrainingJobs have now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainshed.accelerators import index, nodes

Job = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Use:
    """The devices of one pod that has a node."""

    job: Job
    node: str
    resource: str
    count: int


def _nobody() -> Mapping[Job, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Totals:
    """The devices of a class."""

    nodes: int = 0
    allocatable: int = 0
    in_use: int = 0
    find: Callable[[], Mapping[Job, int]] = field(default=_nobody, compare=False, repr=False)

    @property
    def free(self) -> int:
        """Return how many no TrainingJob has; others' pods are not known."""
        return max(0, self.allocatable - self.in_use)

    @property
    def holders(self) -> Mapping[Job, int]:
        """Return how many each job has: a look at every pod, for messages."""
        return self.find()


class Usage:
    """Devices in use, by pod, summed by the shape of their node as both change."""

    def __init__(self, places: index.Index) -> None:
        """Begin without any."""
        self._places = places
        self._uses: dict[str, Use] = {}
        self._on_node: dict[str, dict[str, Use]] = {}
        self._sums: Counter[tuple[int, str]] = Counter()
        """By shape and resource. Shapes are interned, so one is known by its identity."""
        places.on_move(self._moved)

    def put(self, pod: str, use: Use | None) -> bool:
        """Take in what a pod, named by its uid, has; None: nothing. Return whether it is new."""
        known = self._uses.get(pod)
        if known == use:
            return False
        if known is not None:
            held = self._on_node[known.node]
            del self._uses[pod], held[pod]
            if not held:
                del self._on_node[known.node]
            self._add(self._places.shape(known.node), known, -1)
        if use is not None:
            self._uses[pod] = use
            self._on_node.setdefault(use.node, {})[pod] = use
            self._add(self._places.shape(use.node), use, 1)
        return True

    def of(self, class_: str) -> Totals:
        """Return the devices of a class."""
        count = allocatable = in_use = 0
        for shape, resource, held in self._places.shapes(class_):
            count += held
            if resource:
                allocatable += held * shape.given(resource)
                in_use += self._sums.get((id(shape), resource), 0)
        return Totals(count, allocatable, in_use, lambda: self._holders(class_))

    def _holders(self, class_: str) -> Mapping[Job, int]:
        of_class = {(id(shape), resource) for shape, resource, _ in self._places.shapes(class_)}
        found: Counter[Job] = Counter()
        for use in self._uses.values():
            if (id(self._places.shape(use.node)), use.resource) in of_class:
                found[use.job] += use.count
        return found

    def _moved(self, node: str, old: nodes.Shape | None, new: nodes.Shape | None) -> None:
        for use in self._on_node.get(node, {}).values():
            self._add(old, use, -1)
            self._add(new, use, 1)

    def _add(self, shape: nodes.Shape | None, use: Use, sign: int) -> None:
        """Count a use; of a node that is not known it counts once that one comes."""
        if shape is None:
            return
        key = (id(shape), use.resource)
        self._sums[key] += sign * use.count
        if not self._sums[key]:
            del self._sums[key]
