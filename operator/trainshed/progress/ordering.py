"""Which push is newer, and which comes too soon. Pure."""

from __future__ import annotations

from trainshed.core import reports
from trainshed.progress import refusals

MIN_SECONDS = 1.0
"""The shortest time between two pushes of a pod that are kept."""

Result = refusals.Result


def judge(pushed: reports.Progress, last: reports.Progress | None, *, sequenced: bool) -> Result:
    """Return ACCEPTED or STALE; raises Refused when it comes too soon.

    `sequenced`: whether the payload numbers its pushes; one that doesn't is taken as it arrives.
    """
    if last is None:
        return Result.ACCEPTED
    if pushed.pod_uid != last.pod_uid:
        return Result.STALE if pushed.attempt < last.attempt else Result.ACCEPTED
    if last.account is not None or (sequenced and pushed.sequence <= last.sequence):
        return Result.STALE
    if 0 <= pushed.received - last.received < MIN_SECONDS and not _milestone(pushed, last):
        raise refusals.Refused(
            Result.TOO_SOON, "at most one push a second is taken of a pod", retry_after=1
        )
    return Result.ACCEPTED


def _milestone(pushed: reports.Progress, last: reports.Progress) -> bool:
    """Whether a push tells what no later one may tell; each is possible once in a pod."""
    first_step = pushed.first_step_time is not None and last.first_step_time is None
    done = (pushed.percent or 0) >= 100 > (last.percent or 0)
    return pushed.account is not None or first_step or done
