"""What an autoscaler tells of a pod that no node takes, and when it is asked about.

Its events are of the pod. They are not watched: one list each time, less and less often.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.api import reasons
from trainshed.core import draft as drafts
from trainshed.core import gangs, observed, plan, policy, times

MAKES = frozenset({"TriggeredScaleUp", "Nominated"})
"""Reasons of events by which the cluster autoscaler, and Karpenter, say that a node will come."""
REFUSES = frozenset({"NotTriggerScaleUp", "FailedScaleUp"})
RECENT_SECONDS = 900.0
"""So long a node may take to come; the autoscaler itself gives up then."""
_LONGEST_WAIT = 300.0


def read(event: Mapping[str, Any] | None, *, now: float) -> observed.Scaling:
    """Return what the newest event of the pod tells."""
    if event is None or now - (last_seen(event) or now) > RECENT_SECONDS:
        return observed.Scaling()
    words = str(event.get("message") or event.get("note") or "").rstrip(". ")
    return observed.Scaling(words, makes=event.get("reason") in MAKES)


def last_seen(event: Mapping[str, Any]) -> float | None:
    """Return when an event was told last."""
    series = event.get("series") or {}
    return times.parse(
        series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    )


def inquiry(draft: drafts.Draft, gang: gangs.Gang, settings: policy.Policy) -> plan.Inquiry | None:
    """Return the pod whose events may tell of an autoscaler."""
    found = _refused(draft, gang)
    if found is None or draft.now - found[0] < settings.quiet_start:
        return None
    pod = found[1]
    return plan.Inquiry("Pod", pod.name, pod.uid, reasons=MAKES | REFUSES)


def next_look(draft: drafts.Draft, gang: gangs.Gang, settings: policy.Policy) -> float | None:
    """Return when a pod that no node takes is looked at again; None without one.

    What the watch tells needs no look: who holds what it waits for, and an autoscaler, it does not.
    """
    found = _refused(draft, gang)
    if found is None:
        return None
    silent = draft.now - found[0]
    wait = settings.quiet_start - silent
    if wait <= 0:
        wait = min(_LONGEST_WAIT, max(settings.quiet_start, silent / 2))
    return draft.now + wait


def _refused(draft: drafts.Draft, gang: gangs.Gang) -> tuple[float, observed.PodView] | None:
    """Return the pod that the scheduler has refused for longest, and since when.

    None where folds run: the next one's place comes by their end.
    """
    if draft.is_true(reasons.ConditionType.PLACED):
        return None
    found = [
        (told.changed or each.created, each)
        for each in gang.refused
        if (told := each.condition("PodScheduled")) is not None
    ]
    return min(found, key=lambda each: (each[0], each[1].index), default=None)
