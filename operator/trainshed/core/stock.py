"""The status of an AcceleratorClass: what the cluster has of it, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from trainshed.accelerators import classes, index, usage
from trainshed.api import accelerator_class as api
from trainshed.api import reasons, status
from trainshed.core import pricing, times

Type = reasons.ClassConditionType
Reason = reasons.ClassReason
NAMED = 8
"""How many classes a message names."""

Verdict = tuple[bool, Reason, str]


def decide(
    class_: classes.Class,
    *,
    places: index.Index,
    devices: usage.Usage,
    before: api.AcceleratorClassStatus,
    now: float,
) -> api.AcceleratorClassStatus:
    """Return the status of a class; `before`: what is stored, which keeps its times."""
    held = devices.of(class_.name)
    verdicts = {Type.READY: _ready(class_, places)}
    if (priced := _priced(class_, pricing.currencies(places))) is not None:
        verdicts[Type.PRICE_COMPARABLE] = priced
    return api.AcceleratorClassStatus(
        nodes=held.nodes,
        allocatable=held.allocatable if class_.counted else None,
        in_use=held.in_use if class_.counted else None,
        conditions=[
            _condition(type_, verdict, class_.generation, before.conditions, now)
            for type_, verdict in verdicts.items()
        ],
    )


def _condition(
    type_: Type,
    verdict: Verdict,
    generation: int,
    known: Sequence[status.Condition],
    now: float,
) -> status.Condition:
    holds, reason, message = verdict
    old = next((each for each in known if each.type == type_), None)
    same = old is not None and old.status == str(holds)
    return status.Condition(
        type=type_,
        status=str(holds),
        reason=reason,
        message=message,
        last_transition_time=(
            old.last_transition_time if old is not None and same else times.render(now)
        ),
        observed_generation=generation,
    )


def _ready(class_: classes.Class, places: index.Index) -> Verdict:
    if class_.problem or class_.spec is None:
        return False, Reason.INVALID, f"{class_.problem}: mend the class; no job can have it now"
    nodes, sick = 0, Counter[str]()
    for shape, resource, held in places.shapes(class_.name):
        nodes += held
        if shape.problems:
            sick[", ".join(shape.problems)] += held
        elif resource and not shape.given(resource):
            sick[f"without {resource} to give"] += held
    bare = places.bare(class_.name)
    if not nodes:
        return False, *(_no_device(class_.spec, bare) if bare else _no_node(class_.spec))
    if sick.total() == nodes:
        said = f"no node of it takes a pod now: {_words(sick)}"
        return False, Reason.NODES_UNHEALTHY, f"{said}; kubectl describe node says why"
    said = f"{_nodes(nodes - sick.total())} ready"
    said += f"; {_nodes(sick.total())} not: {_words(sick)}" if sick else ""
    said += f"; {_nodes(bare)} with its labels and none of its devices" if bare else ""
    return True, Reason.NODES_READY, said


def _no_device(spec: api.AcceleratorClassSpec, bare: int) -> tuple[Reason, str]:
    has = "has" if bare == 1 else "have"
    return (
        Reason.DEVICES_MISSING,
        f"{_nodes(bare)} {has} its labels and no resource that matches {_pattern(spec)}: see that"
        " the device plugin runs there, or mend match.resourcePattern",
    )


def _no_node(spec: api.AcceleratorClassSpec) -> tuple[Reason, str]:
    made = spec.scale_from_zero
    if made is not None:
        said = f"no node of it is there now; an autoscaler makes up to {made.max_nodes}"
        return Reason.NO_NODES, f"{said} when a job asks for one"
    match = spec.match or api.Match()
    labelled = match.node_labels or match.any_node_labels
    wanted = "its labels" if labelled else f"a resource that matches {_pattern(spec)}"
    return Reason.NO_NODES, f"no node has {wanted}: add one, or give scaleFromZero, or mend match"


def _priced(
    class_: classes.Class, currencies: Mapping[str, Sequence[str]]
) -> tuple[bool, Reason, str] | None:
    if class_.spec is None or class_.spec.price is None:
        return None
    if len(currencies) < 2:
        return True, Reason.ONE_CURRENCY, "all prices of classes are in one currency"
    said = " and ".join(
        f"in {currency} of {', '.join(names[:NAMED])}{' and others' * (len(names) > NAMED)}"
        for currency, names in currencies.items()
    )
    return (
        False,
        Reason.PRICE_CURRENCY_MIXED,
        f"prices are {said}: no class is taken for the cheapest; give all in one currency",
    )


def _pattern(spec: api.AcceleratorClassSpec) -> str:
    return (spec.match.resource_pattern if spec.match is not None else None) or ""


def _words(sick: Counter[str]) -> str:
    return ", ".join(f"{count} {problem}" for problem, count in sorted(sick.items()))


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"
