"""Whether every pod found a node, in the scheduler's own words."""

from __future__ import annotations

from trainshed.accelerators import cpu
from trainshed.api import reasons, status
from trainshed.core import draft as drafts
from trainshed.core import gangs

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
    for pod in unplaced:
        scheduled = pod.condition("PodScheduled")
        if scheduled is not None and scheduled.status == "False":
            message = scheduled.message.rstrip(". ") or "no node takes the pod"
            said = f"{gang.named(pod)}{message}{_ADVICE}"
            draft.condition(Type.PLACED, False, Reason.UNSCHEDULABLE, said)
            return
    message = f"{gang.named(unplaced[0])}the scheduler has not looked at the pod yet"
    draft.condition(Type.PLACED, False, Reason.WAITING_FOR_SCHEDULER, message)


def _placement(draft: drafts.Draft, gang: gangs.Gang) -> None:
    known = draft.before.placement
    nodes = gang.nodes
    if not gang.complete and known is not None:
        # The others may be gone already: where they ran is still where the job ran.
        nodes = list(dict.fromkeys([*known.nodes, *nodes]))
    if nodes or known is None:
        draft.fields["placement"] = status.Placement(type=cpu.TYPE, nodes=nodes)
