"""The end of a job: its success or failure, and its own account of it."""

from __future__ import annotations

from trainshed.api import reasons, status
from trainshed.core import draft as drafts
from trainshed.core import (
    energy,
    failures,
    folds,
    gangs,
    keeping,
    observed,
    plan,
    pricing,
    progressing,
    reports,
    times,
)

Type = reasons.ConditionType
Reason = reasons.Reason

ACCOUNT_GRACE = 10.0
"""Seconds that a finished Job waits for its pod's last words to arrive by the watch."""
_ENDS = ("SuccessCriteriaMet", "Complete", "FailureTarget", "Failed")
"""Conditions of a Job that goes, or has gone, to its end."""
_GIVEN_UP = (
    Reason.STARTUP_DEADLINE_EXCEEDED,
    Reason.GANG_NOT_PLACED,
    Reason.IMAGE_LOST,
    Reason.BUILD_DEADLINE_EXCEEDED,
)
"""Ends that are ours, while the Job would wait on."""


def ending(workload: observed.JobView) -> bool:
    """Return whether a Job goes to its end, or has come to it."""
    return any(workload.condition(each) is not None for each in _ENDS)


def leftover(
    before: status.TrainingJobStatus, workload: observed.JobView | None
) -> tuple[plan.Delete, ...]:
    """Return the Job that was given up before it started.

    It goes after its end is stored, never before: a restart in between would find an unfinished
    TrainingJob without a Job, and create one.
    """
    failed = before.condition(Type.FAILED)
    given_up = failed is not None and failed.reason in _GIVEN_UP
    if workload is None or not given_up or ending(workload):
        return ()
    return (plan.Delete(workload.name, workload.uid),)


def outcome(draft: drafts.Draft, seen: observed.Observation, gang: gangs.Gang) -> bool | None:
    """Return True for success, False for failure, None while the Job goes on."""
    workload = seen.workload
    if workload is None:
        return None
    if workload.condition("Complete") is not None:
        return True if _spoken(draft, gang) or _waited(draft, workload) else None
    if workload.condition("Failed") is not None and not workload.terminating:
        lost = gang.departed or any(each.phase == "Failed" for each in gang.pods)
        ended = bool(gang.pods) and all(each.phase in gangs.FINAL for each in gang.pods)
        return False if lost or ended or _waited(draft, workload) else None
    return None


def _spoken(draft: drafts.Draft, gang: gangs.Gang) -> bool:
    """Return whether all is told that is to be told: by rank 0, or by every fold."""
    if gang.folds:
        told = {each.fold for each in folds.done(draft)}
        return len(told | {each.index for each in gang.pods if each.phase in gangs.FINAL}) == (
            gang.size
        )
    return gang.speaker is not None and gang.speaker.phase in gangs.FINAL


def _waited(draft: drafts.Draft, workload: observed.JobView) -> bool:
    """Return whether the pods' last words have been waited for long enough."""
    ended = max((each.changed or 0.0 for each in workload.conditions), default=0.0)
    return draft.now - ended >= ACCOUNT_GRACE


def succeed(draft: drafts.Draft, seen: observed.Observation, told: reports.Account | None) -> None:
    """Write the end of a job that did what it was asked."""
    _end(draft, seen, told, succeeded=True)
    message = "the command ended with exit code 0"
    if told is not None and told.steps:
        rate = f" at {told.samples_per_second:.1f} samples/s" if told.samples else ""
        message = f"{folds.summary(draft)}{told.steps} steps{rate}"
        message = "; ".join([message, *told.warnings])
    draft.condition(Type.SUCCEEDED, True, Reason.COMPLETED, message)


def fail(
    draft: drafts.Draft,
    seen: observed.Observation,
    told: reports.Account | None,
    failed: failures.Failed,
) -> None:
    """Write the end of a job that failed."""
    _end(draft, seen, told, succeeded=False)
    draft.fields["failure"] = failed.status()
    draft.condition(Type.FAILED, True, failed.reason, failed.told)


def _end(
    draft: drafts.Draft,
    seen: observed.Observation,
    told: reports.Account | None,
    *,
    succeeded: bool,
) -> None:
    workload = seen.workload
    ended = (workload.completed if workload else None) or draft.now
    draft.fields["completion_time"] = times.render(ended)
    if Type.RUNNING in draft.conditions:
        draft.condition(Type.RUNNING, False, Reason.FINISHED, "the container has ended")
    if seen.progress is not None and seen.progress.account is None:
        draft.fields["progress"] = progressing.render(seen.progress)
    keeping.end(draft, seen, told, succeeded=succeeded)
    if told is None or not told.steps:
        return
    spent = {
        "energy_joules": energy.spent(seen, told),
        "cost": pricing.cost(draft, seen, ended=ended),
    }
    draft.fields["result"] = _result(told).model_copy(update=spent)
    draft.fields["progress"] = _last_progress(draft, seen, told)


def _result(told: reports.Account) -> status.Result:
    return status.Result(
        samples=told.samples,
        seconds=round(told.training_seconds, 3),
        samples_per_second=round(told.samples_per_second, 1),
        steps=told.steps,
        epochs=told.epochs,
        loss=told.loss,
        accuracy=told.metrics.get("accuracy"),
        time_to_target_seconds=progressing.rounded(told.time_to_target_seconds, 3),
        corrupt_samples=told.corrupt_samples or None,
    )


def _last_progress(
    draft: drafts.Draft, seen: observed.Observation, told: reports.Account
) -> status.ProgressStatus:
    """Return the last progress with the account's figures: the two may not disagree."""
    known = draft.before.progress or status.ProgressStatus(step=0)
    if seen.progress is not None:
        known = progressing.render(seen.progress)
    done = told.outcome == "succeeded"
    return known.model_copy(
        update={
            "step": told.steps,
            "epoch": told.epochs,
            "percent": 100 if done else known.percent,
            "samples_per_second": round(told.samples_per_second, 1),
            "loss": told.loss if told.loss is not None else known.loss,
            "metrics": dict(told.metrics) or known.metrics,
            "estimated_remaining_seconds": 0 if done else None,
            "last_update_time": times.render(told.end_time or draft.now),
        }
    )
