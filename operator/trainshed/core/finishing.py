"""The end of a job: its success or failure, and its own account of it."""

from __future__ import annotations

from trainshed.api import reasons, status
from trainshed.core import accounts, failures, observed, progressing, times
from trainshed.core import draft as drafts

Type = reasons.ConditionType
Reason = reasons.Reason

ACCOUNT_GRACE = 10.0
"""Seconds that a finished Job waits for its pod's last words to arrive by the watch."""


def account(seen: observed.Observation, pod: observed.PodView | None) -> observed.Account | None:
    """Return the job's own account: the termination message, else the last push."""
    written = accounts.parse(pod.container.message) if pod is not None else None
    if written is not None:
        return written
    return seen.progress.account if seen.progress is not None else None


def outcome(
    draft: drafts.Draft, seen: observed.Observation, pod: observed.PodView | None
) -> bool | None:
    """Return True for success, False for failure, None while the Job goes on."""
    workload = seen.workload
    if workload is None:
        return None
    if workload.condition("Complete") is not None:
        return True if _heard(draft, workload, pod) else None
    if workload.condition("Failed") is not None and not workload.terminating:
        return False if _heard(draft, workload, pod) else None
    return None


def _heard(draft: drafts.Draft, workload: observed.JobView, pod: observed.PodView | None) -> bool:
    """Return whether the pod's end is known, or has been waited for long enough."""
    if pod is not None and pod.phase in ("Succeeded", "Failed"):
        return True
    ended = max((each.changed or 0.0 for each in workload.conditions), default=0.0)
    return draft.now - ended >= ACCOUNT_GRACE


def succeed(draft: drafts.Draft, seen: observed.Observation, told: observed.Account | None) -> None:
    """Write the end of a job that did what it was asked."""
    _end(draft, seen, told)
    message = "the command ended with exit code 0"
    if told is not None and told.steps:
        rate = f" at {told.samples_per_second:.1f} samples/s" if told.samples else ""
        message = f"{told.steps} steps{rate}"
    draft.condition(Type.SUCCEEDED, True, Reason.COMPLETED, message)


def fail(
    draft: drafts.Draft,
    seen: observed.Observation,
    told: observed.Account | None,
    failed: failures.Failed,
) -> None:
    """Write the end of a job that failed."""
    _end(draft, seen, told)
    draft.fields["failure"] = failed.status()
    draft.condition(Type.FAILED, True, failed.reason, failed.message)


def _end(draft: drafts.Draft, seen: observed.Observation, told: observed.Account | None) -> None:
    workload = seen.workload
    ended = (workload.completed if workload else None) or draft.now
    draft.fields["completion_time"] = times.render(ended)
    if Type.RUNNING in draft.conditions:
        draft.condition(Type.RUNNING, False, Reason.FINISHED, "the container has ended")
    if seen.progress is not None and seen.progress.account is None:
        draft.fields["progress"] = progressing.render(seen.progress)
    if told is None or not told.steps:
        return
    draft.fields["result"] = _result(told)
    draft.fields["progress"] = _last_progress(draft, seen, told)


def _result(told: observed.Account) -> status.Result:
    return status.Result(
        samples=told.samples,
        seconds=round(told.training_seconds, 3),
        samples_per_second=round(told.samples_per_second, 1),
        steps=told.steps,
        epochs=told.epochs,
        loss=told.loss,
        accuracy=told.metrics.get("accuracy"),
    )


def _last_progress(
    draft: drafts.Draft, seen: observed.Observation, told: observed.Account
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
