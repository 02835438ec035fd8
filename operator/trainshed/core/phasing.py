"""The phase: a summary of the conditions for people."""

from __future__ import annotations

from trainshed.api import phases, reasons
from trainshed.core import draft as drafts
from trainshed.core import observed, queueing

Type = reasons.ConditionType
Phase = phases.Phase


def of(draft: drafts.Draft, seen: observed.Observation) -> phases.Phase:
    """Return the phase of a job by its conditions as they stand in a draft."""
    if draft.is_true(Type.FAILED):
        return Phase.FAILED
    if draft.is_true(Type.SUCCEEDED):
        return Phase.SUCCEEDED
    if draft.is_true(Type.RUNNING):
        return Phase.RUNNING
    held = queueing.phase(draft, seen)
    if held is not None:
        return held
    if seen.workload is not None or draft.before.phase in (Phase.STARTING, Phase.RUNNING):
        return Phase.STARTING
    if not draft.is_true(Type.ACCEPTED) or not _chosen(draft):
        return Phase.PENDING
    return Phase.STARTING if draft.is_true(Type.IMAGE_READY) else Phase.BUILDING


def _chosen(draft: drafts.Draft) -> bool:
    """Return whether it is settled on which class of accelerator the job runs."""
    placement = draft.fields.get("placement") or draft.before.placement
    return placement is not None and bool(placement.type)
