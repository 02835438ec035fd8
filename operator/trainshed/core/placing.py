"""Whether every pod found a node, in the scheduler's own words."""

from __future__ import annotations

from trainshed.accelerators import cpu
from trainshed.api import reasons, status
from trainshed.core import draft as drafts
from trainshed.core import gangs, observed

Type = reasons.ConditionType
Reason = reasons.Reason

_ADVICE = "; change pod.nodeSelector, pod.tolerations or resources in a new job, or add such a node"


def settle(draft: drafts.Draft, gang: gangs.Gang) -> None:
    """Bring the placement and its condition up to date."""
    _placement(draft, gang)
    unplaced = [each for each in gang.pods if not each.node]
    if not unplaced:
        if gang.complete:
            draft.condition(Type.PLACED, True, Reason.SCHEDULED, gang.where())
        return
    refused = [said for each in unplaced if (said := _refused(gang, each)) is not None]
    if refused:
        message = draft.steady(Type.PLACED, Reason.UNSCHEDULABLE, refused)
        draft.condition(Type.PLACED, False, Reason.UNSCHEDULABLE, message)
        return
    which = "the pod" if gang.size == 1 else "every pod"
    message = f"the scheduler has not looked at {which} yet"
    draft.condition(Type.PLACED, False, Reason.WAITING_FOR_SCHEDULER, message)


def _refused(gang: gangs.Gang, pod: observed.PodView) -> str | None:
    """Return why no node takes a pod; None where the scheduler has not said so."""
    scheduled = pod.condition("PodScheduled")
    if scheduled is None or scheduled.status != "False":
        return None
    message = scheduled.message.rstrip(". ") or "no node takes the pod"
    return f"{gang.named(pod)}{message}{_ADVICE}"


def _placement(draft: drafts.Draft, gang: gangs.Gang) -> None:
    known = draft.before.placement
    # Once, when all have one: a write for each of many pods would be many.
    nodes = gang.nodes if gang.complete and all(each.node for each in gang.pods) else []
    if nodes or known is None:
        draft.fields["placement"] = status.Placement(type=cpu.TYPE, nodes=nodes)
