"""Jobs that wait for quota: what Kueue says of one that it holds, and which attempt this is.

Kueue holds a Job by suspending it, lets it go, and may take it back: its pods go, the Job stays.
An attempt is one admission, which the Job's start time tells from the one before. Nothing here
resumes or suspends a Job: that is Kueue's, and a person's by the Workload.
"""

from __future__ import annotations

import dataclasses

from trainshed.accelerators import choices, selecting
from trainshed.api import labels, phases, reasons, status
from trainshed.core import draft as drafts
from trainshed.core import failures, observed, spending, times

Type = reasons.ConditionType
Reason = reasons.Reason

_RENAMED = {"Pending": Reason.WAITING_FOR_QUOTA}
"""Kueue's own words, where they say nothing to a person."""
_ADVICE = {
    "WaitingForQuota": "it starts when others of the queue have ended",
    "ExceedsMaxQuota": "create the job anew with less, or have the queue's quota raised",
    "NoMatchingFlavor": "create the job anew with another accelerator.class or pod.nodeSelector,"
    " or have a flavour of such nodes added to the queue",
    "Misconfigured": "create what is missing, or create the job anew in another queue",
    "Inadmissible": "create what is missing, or create the job anew in another queue",
}
"""What to do, by Kueue's reasons."""
_UNHEARD = (
    "Kueue has said nothing of Job {name} yet; if that stays so, see that Kueue runs and manages"
    " Jobs of this namespace, and that kueue.enabled of the chart lets the operator read Workloads"
)
_HELD = (
    "Job {name} is suspended, and is in no queue: where Kueue manages Jobs without one, create the"
    f" TrainingJob anew with the label {labels.QUEUE}; else resume the Job"
)
_RESUME = """; to let it go on: kubectl patch workload {name} --type merge -p '{{"spec":{{"active":\
true}}}}'"""


def present(seen: observed.Observation) -> observed.Observation:
    """Return what is of the present admission: an earlier one's pods and words count no more."""
    job = seen.workload
    if job is None or not (job.queue or job.suspended):
        return seen
    if job.suspended or job.started is None:
        return dataclasses.replace(
            seen, pods=(), departed=(), progress=None, failure=None, folds={}, warning=None
        )
    since = job.started
    last = seen.progress
    return dataclasses.replace(
        seen,
        pods=tuple(each for each in seen.pods if not (each.deleting and each.created < since)),
        departed=tuple(each for each in seen.departed if each.created >= since),
        progress=last if last is None or last.received >= since else None,
        folds={fold: each for fold, each in seen.folds.items() if each.received >= since},
    )


def afresh(
    before: status.TrainingJobStatus, seen: observed.Observation, *, now: float
) -> status.TrainingJobStatus:
    """Return the stored status without the start of an admission that is over, which is counted."""
    job = seen.workload
    if job is None or not (job.queue or job.suspended) or before.start_time is None:
        return before
    known = before.attempts.admitted_at if before.attempts is not None else None
    if job.suspended or _moment(job) != known:
        attempts = spending.taken_back(before, seen, job, now)
        return before.model_copy(update={"start_time": None, "attempts": attempts})
    return before


def begun(job: observed.JobView) -> float | None:
    """Return when a Job was to begin; None while it is held, in a queue or by hand."""
    if job.suspended:
        return None
    return job.started if job.queue else max(job.created, job.started or 0.0)


def _attempts(draft: drafts.Draft, job: observed.JobView, *, first: int) -> status.Attempts:
    """Return which attempt this is: of a job in a queue, which admission."""
    known, moment = draft.before.attempts, _moment(job)
    if not job.queue or known is None or moment is None or moment == known.admitted_at:
        return known or status.Attempts(current=first, admitted_at=moment if job.queue else None)
    again = 0 if known.admitted_at is None else 1
    return known.model_copy(update={"current": known.current + again, "admitted_at": moment})


def settle(draft: drafts.Draft, seen: observed.Observation, *, first: int) -> bool:
    """Bring `Admitted` up to date; return whether the job is held, so that nothing of it runs.

    `first`: the number of a job's first attempt.
    """
    job = seen.workload
    if job is None:
        return False
    draft.fields["attempts"] = _attempts(draft, job, first=first)
    if not (job.queue or job.suspended):
        return False
    value, reason, message = _verdict(job, seen.queue)
    draft.condition(Type.ADMITTED, value, reason, message)
    if job.suspended:
        said = "Kueue does not let the job run" if job.queue else "the Job is suspended"
        _nothing_runs(draft, Reason.NOT_ADMITTED, f"{said}: see Admitted")
    elif draft.before.start_time is None:
        # What is stored may be of an admission whose end nobody saw; what is true is set again.
        _nothing_runs(draft, Reason.WORKLOAD_CREATED, "it was admitted, and its pods are made")
    return job.suspended


def _nothing_runs(draft: drafts.Draft, reason: Reason, message: str) -> None:
    for type_ in (Type.PLACED, Type.RUNNING):
        known = draft.conditions.get(type_)
        if known is not None and (known.status == "True" or reason == Reason.NOT_ADMITTED):
            draft.condition(type_, False, reason, message)


def phase(draft: drafts.Draft, seen: observed.Observation) -> phases.Phase | None:
    """Return the phase of a job that is held; None of any other."""
    held = draft.conditions.get(Type.ADMITTED)
    if seen.workload is None or not seen.workload.suspended or held is None:
        return None
    if held.status == "True":
        return phases.Phase.STARTING
    by_hand = held.reason in (Reason.DEACTIVATED, Reason.HELD)
    return phases.Phase.SUSPENDED if by_hand else phases.Phase.QUEUED


def contradicted(draft: drafts.Draft, seen: observed.Observation, chosen: choices.Choice) -> None:
    """Say so where Kueue's flavour sends the job to other nodes than its class is of."""
    job, index = seen.workload, seen.places
    if job is None or not job.selector or not chosen.class_ or draft.is_true(Type.PLACED):
        return
    if index is None:
        return
    wanted = dict(job.selector)
    index.require(set(wanted))
    shapes = [shape for shape, _, _ in index.shapes(chosen.class_)]
    if not shapes or any(selecting.selected(shape, wanted) for shape in shapes):
        return
    where = ", ".join(f"{key}={value}" for key, value in job.selector)
    draft.condition(
        Type.PLACED,
        False,
        Reason.CLASS_CONTRADICTED,
        f"Kueue's flavour sends the job to nodes with {where}, and no node of class"
        f" {chosen.class_} has them: create the job anew with another class or queue, or have the"
        " flavour changed",
    )


def _moment(job: observed.JobView) -> str | None:
    """Return when the present admission began; None while there is none."""
    return None if job.suspended or job.started is None else times.render(job.started)


def _verdict(job: observed.JobView, told: observed.QueueView | None) -> tuple[bool, str, str]:
    """Return the status, the reason and the message of `Admitted`."""
    if not job.queue:
        return not job.suspended, *(
            (Reason.HELD, _HELD.format(name=job.name))
            if job.suspended
            else (Reason.ADMITTED, "the Job was resumed")
        )
    if told is None:
        if job.suspended:
            return False, Reason.WAITING_FOR_KUEUE, _UNHEARD.format(name=job.name)
        return True, Reason.ADMITTED, f"Job {job.name} was let go, by queue {job.queue}"
    evicted = told.condition("Evicted")
    if not told.active:
        said = evicted.message if evicted is not None and evicted.status == "True" else ""
        said = said or "the Workload is not active"
        return False, Reason.DEACTIVATED, said.rstrip(".") + _RESUME.format(name=told.name)
    if evicted is not None and evicted.status == "True":
        return False, *_evicted(told, evicted)
    if told.is_true("Admitted"):
        return True, *_words(told.condition("Admitted"), Reason.ADMITTED)
    reserved = told.condition("QuotaReserved")
    if reserved is None:
        return False, Reason.WAITING_FOR_KUEUE, f"Kueue has not judged Workload {told.name} yet"
    if reserved.status == "True":
        return False, Reason.QUOTA_RESERVED, _checked(told, reserved)
    return False, *_words(reserved, Reason.WAITING_FOR_QUOTA)


def _evicted(told: observed.QueueView, evicted: observed.ConditionView) -> tuple[str, str]:
    """Return why a job was taken back, by whom, and what it waits for now."""
    why = told.condition("Preempted")
    precise = why if why is not None and why.status == "True" else evicted
    reserved = told.condition("QuotaReserved")
    said = (precise.message or evicted.message).rstrip(". ")
    waits = reserved is not None and reserved.status == "False"
    if waits and reserved is not None and reserved.message.rstrip(". ") not in ("", said):
        said = f"{said}; now: {reserved.message.rstrip('. ')}"
    reason = failures.sound_reason(evicted.reason, "Evicted")
    return (
        reason,
        f"{said}; it starts again when it is admitted, from its last checkpoint if it keeps any",
    )


def _checked(told: observed.QueueView, reserved: observed.ConditionView) -> str:
    admitted = told.condition("Admitted")
    why = f"; {admitted.message}" if admitted is not None and admitted.message else ""
    return f"{reserved.message.rstrip('. ')}{why}"


def _words(found: observed.ConditionView | None, otherwise: Reason) -> tuple[str, str]:
    """Return Kueue's own reason and words, and what to do where that is known."""
    if found is None:
        return otherwise, ""
    reason = _RENAMED.get(found.reason) or failures.sound_reason(found.reason, otherwise)
    advice = _ADVICE.get(reason)
    said = found.message.rstrip(". ")
    return str(reason), f"{said}; {advice}" if advice else said
