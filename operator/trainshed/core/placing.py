"""Whether the pod found a node, in the scheduler's own words."""

from __future__ import annotations

from trainshed.accelerators import cpu
from trainshed.api import reasons, status
from trainshed.core import draft as drafts
from trainshed.core import observed

Type = reasons.ConditionType
Reason = reasons.Reason

_ADVICE = "; change pod.nodeSelector, pod.tolerations or resources in a new job, or add such a node"


def settle(draft: drafts.Draft, pod: observed.PodView | None) -> None:
    """Bring the placement and its condition up to date."""
    nodes = [pod.node] if pod is not None and pod.node else []
    placement = status.Placement(type=cpu.TYPE, nodes=nodes)
    if nodes or draft.before.placement is None:
        draft.fields["placement"] = placement
    if pod is None:
        return
    scheduled = pod.condition("PodScheduled")
    if pod.node:
        draft.condition(Type.PLACED, True, Reason.SCHEDULED, f"on node {pod.node}")
    elif scheduled is not None and scheduled.status == "False":
        message = scheduled.message.rstrip(". ") or "no node takes the pod"
        draft.condition(Type.PLACED, False, Reason.UNSCHEDULABLE, message + _ADVICE)
    else:
        message = "the scheduler has not looked at the pod yet"
        draft.condition(Type.PLACED, False, Reason.WAITING_FOR_SCHEDULER, message)
