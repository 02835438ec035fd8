"""The last push as status, and the stages from apply to the first step."""

from __future__ import annotations

import math

from trainshed.api import performance, status
from trainshed.core import draft as drafts
from trainshed.core import folds, gangs, keeping, observed, policy, reports, times

_CENTURY = 3.2e9
"""Seconds beyond which an estimate says nothing."""


def settle(draft: drafts.Draft, seen: observed.Observation, settings: policy.Policy) -> None:
    """Take the last push into the status, at most once an interval unless a fold is done."""
    pushed, known = seen.progress, draft.before.progress
    if pushed is None or pushed.account is not None:
        return
    if known is not None and known.last_update_time is not None and not folds.news(draft):
        last = times.parse(known.last_update_time) or 0.0
        # By this moment, not by when it came: a push waits here until the interval is over.
        if draft.now - last < settings.progress_interval:
            return
    draft.fields["progress"] = render(pushed)
    keeping.settle(draft, pushed.checkpoint)


def render(pushed: reports.Progress) -> status.ProgressStatus:
    """Return a push as a person reads it: rounded, since the status is no data base."""
    return status.ProgressStatus(
        step=pushed.step,
        total_steps=pushed.total_steps,
        epoch=pushed.epoch,
        percent=percent(pushed),
        samples_per_second=round(pushed.samples_per_second, 1),
        step_seconds=_step_seconds(pushed),
        data_wait_ratio=rounded(pushed.data_wait_ratio, 3),
        loss=rounded(pushed.loss, 6),
        metrics={name: round(value, 6) for name, value in pushed.metrics.items()} or None,
        estimated_remaining_seconds=remaining(pushed),
        last_update_time=times.render(pushed.received),
    )


def percent(pushed: reports.Progress) -> int | None:
    """Return the share of the steps that is done, 0 to 100; None where no end is known."""
    if pushed.percent is not None:
        return round(min(100.0, max(0.0, pushed.percent)))
    if not pushed.total_steps:
        return None
    return min(100, pushed.step * 100 // pushed.total_steps)


def remaining(pushed: reports.Progress) -> int | None:
    """Return the seconds until the end at the mean speed so far; None where it is not known."""
    seconds = pushed.estimated_remaining_seconds
    if seconds is None and pushed.total_steps and pushed.step and pushed.training_seconds > 0:
        left = max(0, pushed.total_steps - pushed.step)
        seconds = left * pushed.training_seconds / pushed.step
    if seconds is None or seconds > _CENTURY:
        return None
    return round(max(0.0, seconds))


def timeline(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    told: reports.Account | None,
) -> None:
    """Add the stages that have ended. Each starts where the one before ended, so that they sum."""
    known = draft.before.timeline
    since = times.parse(known.since) if known else None
    start = since if since is not None else seen.job.first_seen
    first_step, took = _first_step(seen, told)
    moments = {
        "building": _built(draft, seen),
        **_queued(seen),
        "scheduling": gang.placed,
        "pulling": gang.started,
        "initialising": None if first_step is None else first_step - (took or 0.0),
        "first_step": None if took is None else first_step,
    }
    stages: dict[str, float] = {}
    at = start
    for name, moment in moments.items():
        stored = getattr(known, name) if known else None
        if stored is None and moment is None:
            break
        # What was only seen afterwards, such as after a restart, ended before the first step.
        end = min(moment or at, first_step or math.inf)
        stages[name] = stored if stored is not None else round(max(0.0, end - at), 3)
        at += stages[name]
    total = known.to_first_step if known else None
    if total is None and first_step is not None and "initialising" in stages:
        total = round(at - start, 3)
    draft.fields["timeline"] = status.Timeline(
        since=known.since if known else times.render_precise(start), to_first_step=total, **stages
    )


def _built(draft: drafts.Draft, seen: observed.Observation) -> float | None:
    if draft.before.image is None and "image" not in draft.fields:
        return None
    # The Job was made once the image was there; the API server cuts its creation to seconds.
    return min(draft.now, seen.workload.created + 1) if seen.workload is not None else draft.now


def _queued(seen: observed.Observation) -> dict[str, float | None]:
    """Return when Kueue let a job go: a stage of jobs in a queue alone."""
    job = seen.workload
    if job is None or not job.queue:
        return {}
    return {"queued": None if job.suspended else job.started}


def _first_step(
    seen: observed.Observation, told: reports.Account | None
) -> tuple[float | None, float | None]:
    """Return when the first step ended, and the seconds that it took where they were told."""
    if seen.progress is not None and seen.progress.first_step_time is not None:
        return seen.progress.first_step_time, seen.progress.first_step_seconds
    if told is None:
        return None, None
    return told.first_step_time, told.first_step_seconds


def _step_seconds(pushed: reports.Progress) -> performance.StepSeconds | None:
    if pushed.step_seconds_p50 is None and pushed.step_seconds_p95 is None:
        return None
    return performance.StepSeconds(
        p50=rounded(pushed.step_seconds_p50, 6), p95=rounded(pushed.step_seconds_p95, 6)
    )


def rounded(value: float | None, digits: int) -> float | None:
    """Return a value with so many decimals; None stays None."""
    return None if value is None else round(value, digits)
