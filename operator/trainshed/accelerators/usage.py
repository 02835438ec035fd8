"""Which devices pods of TrainingJobs have now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed.accelerators import index

Job = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Use:
    """The devices of one pod that has a node."""

    job: Job
    node: str
    resource: str
    count: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The devices of a class."""

    nodes: int = 0
    allocatable: int = 0
    in_use: int = 0
    holders: Mapping[Job, int] = field(default_factory=dict)
    """How many each job has."""

    @property
    def free(self) -> int:
        """Return how many no TrainingJob has; others' pods are not known."""
        return max(0, self.allocatable - self.in_use)


class Usage:
    """Devices in use, by pod; totals are counted when they are asked for and anything is new."""

    def __init__(self, places: index.Index) -> None:
        """Begin without any."""
        self._places = places
        self._uses: dict[str, Use] = {}
        self._generation = 0
        self._counted: tuple[int, int] | None = None
        self._totals: dict[str, Totals] = {}

    def put(self, pod: str, use: Use | None) -> bool:
        """Take in what a pod, named by its uid, has; None: nothing. Return whether it is new."""
        if self._uses.get(pod) == use:
            return False
        if use is None:
            del self._uses[pod]
        else:
            self._uses[pod] = use
        self._generation += 1
        return True

    def of(self, class_: str) -> Totals:
        """Return the devices of a class."""
        now = self._places.generation, self._generation
        if self._counted != now:
            self._totals, self._counted = self._count(), now
        return self._totals.get(class_, Totals())

    def _count(self) -> dict[str, Totals]:
        by_shape: dict[tuple[int, str], Counter[Job]] = {}
        for use in self._uses.values():
            shape = self._places.shape(use.node)
            # Shapes are interned: equal ones are one object.
            by_shape.setdefault((id(shape), use.resource), Counter())[use.job] += use.count
        return {name: self._of(name, by_shape) for name in self._places.known()}

    def _of(self, name: str, by_shape: Mapping[tuple[int, str], Counter[Job]]) -> Totals:
        nodes = allocatable = 0
        holders: Counter[Job] = Counter()
        for shape, resource, held in self._places.shapes(name):
            nodes += held
            allocatable += held * shape.amount(resource) if resource else 0
            holders.update(by_shape.get((id(shape), resource), {}))
        return Totals(nodes, allocatable, sum(holders.values()), dict(holders))
