"""For how long attempts that are over had their devices: it is paid like the last one's time.

Kept in the status, as neither the pods nor the Job tell of it any more. It grows in the same write
that forgets the attempt's start, so that each attempt counts once, whoever leads.
"""

from __future__ import annotations

from trainshed.api import status
from trainshed.core import observed, times


def devices(placed: status.Placement | None) -> int:
    """Return how many devices a pod is charged for; on a CPU the pod itself."""
    return max(1, (placed.count if placed is not None else None) or 0)


def abreast(job: observed.JobView) -> int:
    """Return how many pods of a Job live at a time."""
    return min(job.parallelism, job.folds) if job.folds else job.completions


def taken_back(
    before: status.TrainingJobStatus, seen: observed.Observation, job: observed.JobView, now: float
) -> status.Attempts:
    """Return the attempts with the time of one that is over; it has begun."""
    known = before.attempts or status.Attempts(current=1)
    began = times.parse(before.start_time) or now
    unseen = not job.suspended  # it runs again
    ended = _told_last(before) if unseen else _suspended(seen, job, began, now)
    wall = max(0.0, (ended or began) - began)
    spent = wall * abreast(job) * devices(before.placement)
    return known.model_copy(
        update={
            "earlier_device_seconds": round((known.earlier_device_seconds or 0.0) + spent, 3),
            "earlier_unseen": True if unseen else known.earlier_unseen,
        }
    )


def _suspended(
    seen: observed.Observation, job: observed.JobView, began: float, now: float
) -> float:
    """Return when an attempt was taken back, by who tells it first of this attempt."""
    told = job.condition("Suspended")
    evicted = seen.queue.condition("Evicted") if seen.queue is not None else None
    moments = [each.changed for each in (told, evicted) if each is not None]
    return next((each for each in moments if each is not None and each >= began), now)


def _told_last(before: status.TrainingJobStatus) -> float | None:
    """Return until when an attempt certainly went on, whose end nobody saw."""
    last = before.progress.last_update_time if before.progress is not None else None
    return times.parse(last)
