"""Beside which other pods a job's pods would rather run; never a condition, always a wish.

Processes that exchange gradients are faster the closer they are. Pods that need but a part of a
node leave whole nodes free where they fill one up before they begin another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed.accelerators import choices, nodes
from trainshed.api import accelerator_class, labels, spec

ZONE = "topology.kubernetes.io/zone"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_HEAVIEST = 100
"""The most that a wish may weigh."""
_EVEN = {"maxSkew": 1, "topologyKey": nodes.HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway"}
"""Of no pods, as it selects none. Without any the scheduler spreads what a Service selects."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the site wishes of all jobs."""

    topology_keys: Sequence[str] = (nodes.HOSTNAME, ZONE)
    """Labels of nodes by which pods of one job are close, the closest first."""
    pack: bool = True
    """Whether pods that train alone fill up nodes that others have begun."""


DEFAULT = Wishes()


def settle(
    template: dict[str, Any],
    found: spec.TrainingJobSpec,
    *,
    training_job: str,
    chosen: choices.Choice,
    wishes: Wishes,
) -> None:
    """Add the wishes of a job with an accelerator to its pod. Those of a CPU have none."""
    if chosen.type is accelerator_class.Type.CPU:
        return
    if found.replicas > 1:
        terms = _close(training_job, wishes.topology_keys)
        if terms:
            template["topologySpreadConstraints"] = [dict(_EVEN)]
    else:
        terms = _packed(chosen) if wishes.pack else []
    affinity = _beside(template.get("affinity") or {}, terms)
    if affinity:
        template["affinity"] = affinity


def marks(found: spec.TrainingJobSpec, chosen: choices.Choice, wishes: Wishes) -> dict[str, str]:
    """Return the labels by which pods with devices of one class find each other.

    A wish draws whom it selects to who has it, too: pods of several would begin on a node that is
    nearly full. So those that train alone wish for each other alone.
    """
    if not chosen.class_ or chosen.type is accelerator_class.Type.CPU:
        return {}
    packed = {labels.PACKED: chosen.class_} if found.replicas == 1 and wishes.pack else {}
    return {labels.CLASS: chosen.class_, **packed}


def _close(training_job: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return wishes for the job's own pods: closer is heavier."""
    selector = {"matchLabels": {labels.JOB: training_job}}
    return [
        _term(_HEAVIEST >> step, {"labelSelector": selector, "topologyKey": key})
        for step, key in enumerate(keys)
    ]


def _packed(chosen: choices.Choice) -> list[dict[str, Any]]:
    """Return the wish for nodes on which such pods of any namespace have devices of the class."""
    if not chosen.class_:
        return []
    others = {
        "labelSelector": {"matchLabels": {labels.PACKED: chosen.class_}},
        "namespaceSelector": {},
        "topologyKey": nodes.HOSTNAME,
    }
    return [_term(_HEAVIEST, others)]


def _term(weight: int, term: Mapping[str, Any]) -> dict[str, Any]:
    return {"weight": max(1, weight), "podAffinityTerm": dict(term)}


def _beside(affinity: Mapping[str, Any], terms: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an affinity with these wishes beside its own.

    A part that is no affinity stays as it was written: the API server refuses it in its own words.
    """
    own = affinity.get("podAffinity") or {}
    if not terms or not isinstance(own, Mapping):
        return dict(affinity)
    wished = own.get(_PREFERRED) or []
    if not isinstance(wished, list):
        return dict(affinity)
    return {**affinity, "podAffinity": {**own, _PREFERRED: [*wished, *terms]}}
