"""Whether every pod found a node, in the scheduler's own words."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.api import reasons
from trainshed.core import draft as drafts
from trainshed.core import gangs, observed

Type = reasons.ConditionType
Reason = reasons.Reason

_ADVICE = "; change pod.nodeSelector, pod.tolerations or resources in a new job, or add such a node"

_WAITS = "; it starts when another has ended: lower crossValidation.parallelism, or add a node"


def settle(draft: drafts.Draft, gang: gangs.Gang) -> None:
    """Bring the placement and its condition up to date."""
    _placement(draft, gang)
    unplaced = [each for each in gang.pods if not each.node]
    if not unplaced:
        if gang.complete:
            draft.condition(Type.PLACED, True, Reason.SCHEDULED, gang.where())
        return
    if gang.folds and any(each.node and each.phase not in gangs.FINAL for each in gang.pods):
        draft.condition(Type.PLACED, True, Reason.SCHEDULED, _with_room(draft, gang, unplaced))
        return
    told = [f"{said}{_ADVICE}" for each in unplaced if (said := refused(gang, each)) is not None]
    if told:
        message = draft.steady(Type.PLACED, Reason.UNSCHEDULABLE, told)
        draft.condition(Type.PLACED, False, Reason.UNSCHEDULABLE, message)
        return
    if gang.folds and draft.is_true(Type.PLACED):
        return  # one fold has ended, and the next one's pod is new
    which = "the pod" if gang.size == 1 else "every pod"
    message = f"the scheduler has not looked at {which} yet"
    draft.condition(Type.PLACED, False, Reason.WAITING_FOR_SCHEDULER, message)


def refused(gang: gangs.Gang, pod: observed.PodView) -> str | None:
    """Return why no node takes a pod; None where the scheduler has not said so."""
    scheduled = pod.condition("PodScheduled")
    if scheduled is None or scheduled.status != "False":
        return None
    message = scheduled.message.rstrip(". ") or "no node takes the pod"
    return f"{gang.named(pod)}{message}"


def _with_room(draft: drafts.Draft, gang: gangs.Gang, unplaced: Sequence[observed.PodView]) -> str:
    """Return where folds are, and which one waits until another has ended."""
    where = gang.where()
    waiting = [
        f"{where}; {said}{_WAITS}" for each in unplaced if (said := refused(gang, each)) is not None
    ]
    return draft.steady(Type.PLACED, Reason.SCHEDULED, waiting) if waiting else where


def _placement(draft: drafts.Draft, gang: gangs.Gang) -> None:
    known = draft.before.placement
    # Once, when all have one: a write for each of many pods would be many.
    nodes = gang.nodes if gang.complete and all(each.node for each in gang.pods) else []
    if gang.folds:
        nodes = list(dict.fromkeys([*(known.nodes if known else ()), *gang.nodes]))
    chosen = draft.fields.get("placement") or known
    if nodes and chosen is not None:
        draft.fields["placement"] = chosen.model_copy(update={"nodes": nodes})
