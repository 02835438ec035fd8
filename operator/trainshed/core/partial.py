"""Several pods of which only a part has nodes: what they hold is given back in time.

Devices that wait for their peers are lost to everybody, and two jobs that have a part each may
wait for each other for ever. A scheduler that places all or none has no such jobs.
"""

from __future__ import annotations

import zlib

from trainshed.api import reasons
from trainshed.core import draft as drafts
from trainshed.core import failures, gangs, observed, policy, queueing

SPREAD = 0.2
"""Part of the deadline by which jobs differ: of two that wait for each other, one goes first."""


def overdue(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> failures.Failed | None:
    """Return the end of a job whose other pods have found no node for too long."""
    end = deadline(draft, seen, gang, settings)
    if end is None or draft.now < end:
        return None
    held = sum(1 for each in gang.pods if each.node)
    waited = draft.now - max(_moments(gang))
    return failures.Failed(
        reason=reasons.Reason.GANG_NOT_PLACED,
        message=f"{held} of {gang.size} pods were placed, and in the {waited:.0f} s since then no"
        f" other: {_why(seen, gang)}; their nodes are given back: create the job anew when"
        " there is room for all, or with fewer replicas",
        failure_class=reasons.FailureClass.QUOTA,
        advises=True,
    )


def deadline(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> float | None:
    """Return when a part gives its nodes back; None where none has one, or all have.

    It is counted from the last one that was placed: where an autoscaler makes node after node,
    each is worth the wait for the next.
    """
    placed = _moments(gang)
    started = draft.fields.get("start_time") or draft.before.start_time
    if seen.workload is None or gang.folds or started or not 0 < len(placed) < gang.size:
        return None
    patience = settings.gang_deadline * (1 + SPREAD * _share(seen.job.uid))
    begun = queueing.begun(seen.workload)
    return None if begun is None else min(max(placed) + patience, begun + settings.startup_deadline)


def _moments(gang: gangs.Gang) -> list[float]:
    """Return when each pod was placed that was."""
    return [
        placed.changed
        if (placed := each.condition("PodScheduled")) and placed.changed
        else each.created
        for each in gang.pods
        if each.node
    ]


def _share(uid: observed.Uid) -> float:
    """Return a number from 0 to 1 that is a job's own."""
    return zlib.crc32(uid.encode()) / 0xFFFFFFFF


def _why(seen: observed.Observation, gang: gangs.Gang) -> str:
    """Return what the scheduler says of a pod, or who refuses to make it."""
    if gang.refused:
        first = gang.refused[0]
        return f"{gang.named(first)}{gang.refusal(first)}"
    if seen.warning is not None:
        return seen.warning.message
    return "nobody says why" if gang.complete else "the others were not made"
