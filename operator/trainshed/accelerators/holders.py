"""Who has the devices that a job waits for, in words."""

from __future__ import annotations

from trainshed.accelerators import choices, usage

_NAMED = 5


def told(
    totals: usage.Totals, chosen: choices.Choice, *, own: usage.Job, together: bool = False
) -> str:
    """Return how many devices of the chosen class are in use, and by which TrainingJobs.

    `together`: whether what is free would do for a part of the job's pods.
    """
    said = (
        f"{totals.in_use} of {totals.allocatable} {chosen.resource} of class {chosen.class_} are in"
        " use"
    )
    ordered = sorted(totals.holders.items(), key=lambda each: (-each[1], each[0]))
    named = [
        f"{'this job' if job == own else '/'.join(job)} has {count}"
        for job, count in ordered[:_NAMED]
    ]
    rest = ordered[_NAMED:]
    if rest:
        named.append(f"{len(rest)} more have {sum(count for _, count in rest)}")
    by = f" by TrainingJobs: {', '.join(named)}" if totals.free else f": {', '.join(named)}"
    if not named:
        by = " by TrainingJobs"
    if totals.free and together:
        by += "; the rest does for a part of the job's pods alone"
    elif totals.free:
        by += f"; no node has {chosen.count} of the rest free"
    return said + by
