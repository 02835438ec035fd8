"""What of a node matters to placement. Most nodes of a cluster are of few shapes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from trainshed.accelerators import amounts, health, moments

CORES, MEMORY = "cpu", "memory"
HOSTNAME = "kubernetes.io/hostname"
STEP = 256 << 20
"""Memory is told apart by so much, rounded up: machines of one kind differ by some kilobytes."""


class Taint(NamedTuple):
    """One taint."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What nodes of one kind share. Equal shapes are the same to every job."""

    labels: frozenset[tuple[str, str]]
    taints: tuple[Taint, ...]
    allocatable: tuple[tuple[str, int], ...]
    """By resource: cores in thousandths, memory in bytes, rounded up, devices as they are."""
    problems: tuple[str, ...] = ()
    """Why its nodes take no pod at the moment, in words; `faults` among them."""
    faults: tuple[str, ...] = ()
    """By what its nodes say that they are broken: they are no room until somebody sees to them."""
    withheld: tuple[tuple[str, int], ...] = ()
    """Devices that a node has and does not give at the moment, as while their plugin restarts."""

    def only(self, keys: Collection[str]) -> Shape:
        """Return it without the labels that have other keys."""
        return replace(self, labels=frozenset(each for each in self.labels if each[0] in keys))

    def label(self, key: str) -> str | None:
        """Return the value of a label; None without it."""
        return next((value for name, value in self.labels if name == key), None)

    def amount(self, resource: str) -> int:
        """Return how much of a resource a node has, given at the moment or not."""
        return self.given(resource) + _in(self.withheld, resource)

    def given(self, resource: str) -> int:
        """Return how much of a resource a node gives at the moment."""
        return _in(self.allocatable, resource)

    def resources(self) -> tuple[str, ...]:
        """Return what a node has, first what it gives at the moment."""
        return tuple(dict.fromkeys(name for name, _ in (*self.allocatable, *self.withheld)))


def shape(body: Mapping[str, Any]) -> Shape:
    """Return the shape of a Node."""
    meta, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    faults, taints = health.faults(body), _taints(spec.get("taints") or ())
    marks = meta.get("labels") or {}
    return Shape(
        labels=frozenset(
            (str(key), str(value))
            for key, value in marks.items()
            # Each node's own, and the scheduler's to judge.
            if key != HOSTNAME
        ),
        taints=tuple(sorted(each for each in taints if not moments.passes(each.key))),
        allocatable=_allocatable(status.get("allocatable") or {}),
        problems=tuple(sorted({*health.passing(body), *_moments(taints), *faults})),
        faults=tuple(faults),
        withheld=_withheld(status.get("capacity") or {}, status.get("allocatable") or {}),
    )


def _in(amounts_: Iterable[tuple[str, int]], resource: str) -> int:
    return next((amount for name, amount in amounts_ if name == resource), 0)


def _withheld(
    capacity: Mapping[str, Any], allocatable: Mapping[str, Any]
) -> tuple[tuple[str, int], ...]:
    """Return the devices of a node that can't be had: the kubelet knows, and does not give them."""
    lacking = {
        name: amounts.of(str(whole)) - max(0, amounts.of(str(allocatable.get(name, 0))))
        for name, whole in capacity.items()
        if "/" in name
    }
    return tuple(sorted((name, count) for name, count in lacking.items() if count > 0))


def _taints(found: Iterable[Mapping[str, Any]]) -> list[Taint]:
    return [
        Taint(str(each.get("key", "")), str(each.get("value") or ""), str(each["effect"]))
        for each in found
        if each.get("effect") in ("NoSchedule", "NoExecute")
    ]


def _moments(taints: Iterable[Taint]) -> Iterator[str]:
    """Yield what taints say of the moment, other than by a condition."""
    return (f"tainted {each.key}" for each in taints if moments.untold(each.key))


def _allocatable(found: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    kept = {}
    for name, quantity in found.items():
        if name == CORES:
            kept[name] = amounts.of(str(quantity), scale=1000)
        elif name == MEMORY:
            kept[name] = -(-amounts.of(str(quantity)) // STEP) * STEP
        elif "/" in name and (amount := amounts.of(str(quantity))) > 0:
            kept[name] = amount
    return tuple(sorted(kept.items()))
