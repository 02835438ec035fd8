"""One pass over one job: from what is observed to a plan.

`decide` is a function of its arguments alone. It may be called at any moment, with any mixture
of old and new observations, and again with the same ones: its writes have deterministic names
and its status is the same for the same observations.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

import pydantic

from trainshed.accelerators import choices
from trainshed.api import reasons, spec, status
from trainshed.core import (
    admission,
    ahead,
    artifacts,
    avoiding,
    choosing,
    creating,
    failures,
    finishing,
    folds,
    gangs,
    healing,
    imaging,
    joining,
    naming,
    observed,
    partial,
    phasing,
    placing,
    plan,
    policy,
    progressing,
    queueing,
    reports,
    scaling,
    starting,
)
from trainshed.core import draft as drafts
from trainshed.workloads import ranks

Type = reasons.ConditionType
Reason = reasons.Reason

ATTEMPT = 1
"""The only attempt of this version: a job that fails is not tried again."""
_UNREADABLE = plan.Notice(
    warning=True,
    reason=Reason.STATUS_UNREADABLE,
    message="the status of this job was written by a newer operator, and this one leaves the job"
    " alone: upgrade the operator, or create the job anew",
)


@dataclass(slots=True)
class _Actions:
    build: plan.BuildOrder | None = None
    creates: tuple[plan.Manifest, ...] = ()
    inquiry: plan.Inquiry | None = None
    failed: failures.Failed | None = None
    requeue_at: float | None = None
    processes: int = 1
    """Of each pod."""
    waits_for_nodes: bool = False


def decide(seen: observed.Observation, *, now: float, settings: policy.Policy) -> plan.Plan:
    """Return what to do for a job now, and when to look again."""
    try:
        before = queueing.afresh(stored_status(seen.job), seen, now=now)
    except pydantic.ValidationError:
        # Written by a newer operator than this one: it is not ours to judge.
        return plan.Plan(notices=(_UNREADABLE,))
    if seen.job.deleting:
        return plan.Plan()
    if before.phase.finished:
        return plan.Plan(deletes=finishing.leftover(before, seen.workload))
    seen = queueing.present(seen)
    draft = drafts.Draft(before=before, generation=seen.job.generation, now=now)
    gang = gangs.of(seen)
    parts = folds.of(seen, gang, before)
    if parts is not None:
        draft.fields["cross_validation"] = parts.status()
        seen = dataclasses.replace(seen, progress=joining.progress(parts, before))
    actions = _Actions()
    found = admission.read(seen.job)
    if isinstance(found, observed.Refusal):
        _refuse(draft, found, actions)
    else:
        message = "the job can run as it is written"
        draft.condition(Type.ACCEPTED, True, Reason.ACCEPTED, message)
        settings = starting.bounded(settings, found)
        _advance(draft, found, seen, gang, settings, actions)
    told = joining.account(parts, seen.workload) if parts else gangs.spoken(gang, seen)
    _conclude(draft, seen, gang, told, actions)
    # The account alone is worth no write of its own: the end, which it comes with, is.
    ended = draft.is_true(Type.SUCCEEDED) or draft.is_true(Type.FAILED)
    progressing.timeline(draft, seen, gang, told if ended or folds.news(draft) else None)
    if ended and not isinstance(found, observed.Refusal):
        artifacts.end(draft, seen.job.key, found, told)
    return _plan(draft, actions)


def stored_status(view: observed.TrainingJobView) -> status.TrainingJobStatus:
    """Return the status as it is stored."""
    return status.TrainingJobStatus.model_validate(json.loads(view.status))


def _refuse(draft: drafts.Draft, refusal: observed.Refusal, actions: _Actions) -> None:
    draft.condition(Type.ACCEPTED, False, refusal.reason, refusal.message)
    if refusal.terminal:
        actions.failed = failures.of_refusal(refusal, otherwise=reasons.FailureClass.BUILD)


def _advance(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
    actions: _Actions,
) -> None:
    chosen = choosing.settle(draft, found, seen, settings)
    if isinstance(chosen, observed.Refusal):
        _wait_for_nodes(draft, found, seen, chosen, settings, actions)
        return
    actions.processes = ranks.processes(found, chosen)
    settings = choosing.based(settings, chosen.variant)
    seen = imaging.of_base(seen, found, settings)
    step = imaging.settle(draft, found, seen, settings)
    if isinstance(step, failures.Failed):
        actions.failed = step
        return
    actions.build = choosing.ordered(step, found, chosen) if step is not None else None
    if draft.before.image is None and "image" not in draft.fields:
        actions.requeue_at = imaging.next_look(draft, found, seen, settings)
        return
    if seen.workload is None and draft.before.start_time is not None:
        actions.failed = failures.workload_gone(naming.workload(seen.job.key.name, ATTEMPT))
        return
    if seen.workload is None:
        _create(draft, found, seen, chosen, settings, actions)
        return
    if queueing.settle(draft, seen, first=ATTEMPT):
        return
    actions.waits_for_nodes = placing.settle(draft, found, seen, gang, chosen)
    queueing.contradicted(draft, seen, chosen)
    starting.settle(draft, seen, gang, settings)
    progressing.settle(draft, seen, settings)
    if finishing.outcome(draft, seen, gang) is None and not finishing.ending(seen.workload):
        _watch_the_start(draft, seen, gang, settings, actions)
        _heal(draft, found, seen, gang, settings, actions)


def _wait_for_nodes(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    refusal: observed.Refusal,
    settings: policy.Policy,
    actions: _Actions,
) -> None:
    """Have the image built meanwhile, as far as it is known which."""
    actions.failed = choosing.overdue(draft, seen, refusal, settings)
    actions.waits_for_nodes = True
    step = ahead.settle(draft, found, seen, refusal, settings)
    if isinstance(step, failures.Failed):
        actions.failed = actions.failed or step
        return
    actions.build = step
    actions.requeue_at = _first(
        choosing.deadline(draft, seen, settings), imaging.next_look(draft, found, seen, settings)
    )


def _create(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    chosen: choices.Choice,
    settings: policy.Policy,
    actions: _Actions,
) -> None:
    """Ask for the children, unless their name is held or the API server refuses them."""
    waits = draft.since(Type.ACCEPTED) if not draft.stored_true(Type.ACCEPTED) else None
    deadline = (seen.job.first_seen if waits is None else waits) + settings.startup_deadline
    blocked = creating.blocked(seen)
    if blocked is not None:
        draft.condition(Type.ACCEPTED, False, blocked.reason, blocked.message)
        if blocked.terminal or draft.now >= deadline:
            actions.failed = failures.of_refusal(blocked)
            return
        if draft.now < blocked.retry_at:
            actions.requeue_at = min(blocked.retry_at, deadline)
            return
    image = draft.fields.get("image") or draft.before.image
    assert image is not None
    actions.requeue_at = avoiding.settle(draft, found, seen, chosen, settings)
    if actions.requeue_at is None:
        actions.creates = creating.children(
            found, seen.job, attempt=ATTEMPT, image=image, settings=settings, chosen=chosen
        )


def _watch_the_start(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
    actions: _Actions,
) -> None:
    late = partial.overdue(draft, seen, gang, settings)
    actions.failed = late or starting.overdue(draft, seen, gang, settings)
    if actions.failed is not None:
        actions.requeue_at = draft.now
        return
    actions.inquiry = starting.inquiry(draft, seen, gang, settings) or scaling.inquiry(
        draft, gang, settings
    )
    actions.requeue_at = _first(
        starting.next_look(draft, seen, gang, settings),
        scaling.next_look(draft, gang, settings),
        partial.deadline(draft, seen, gang, settings),
    )


def _heal(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
    actions: _Actions,
) -> None:
    """Have an image made anew that the nodes can't pull any more."""
    if actions.failed is not None:
        return
    step = healing.settle(draft, found, seen, gang, settings)
    if isinstance(step, failures.Failed):
        actions.failed, actions.requeue_at = step, draft.now
        return
    actions.build = step
    actions.requeue_at = _first(actions.requeue_at, healing.next_look(draft, found, seen, settings))


def _first(*moments: float | None) -> float | None:
    return min((each for each in moments if each is not None), default=None)


def _conclude(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    told: reports.Account | None,
    actions: _Actions,
) -> None:
    if actions.failed is not None:
        finishing.fail(draft, seen, told, actions.failed)
    elif seen.workload is not None:
        ended = finishing.outcome(draft, seen, gang)
        if ended:
            finishing.succeed(draft, seen, told)
        elif ended is False:
            lost = gangs.first_lost(gang, seen)
            failed = failures.classify(
                pod=lost.pod,
                account=lost.account,
                workload=seen.workload,
                processes=actions.processes,
            )
            if gang.folds:
                failed = failures.of_fold(failed, lost.fold)
            finishing.fail(draft, seen, told, failed)
        elif finishing.ending(seen.workload):
            actions.requeue_at = draft.now + finishing.ACCOUNT_GRACE
    draft.fields["phase"] = phasing.of(draft, seen)


def _plan(draft: drafts.Draft, actions: _Actions) -> plan.Plan:
    after = draft.finish()
    new = after.dump()
    changed = new != draft.before.dump()
    requeue = None
    if actions.requeue_at is not None:
        requeue = max(0.05, actions.requeue_at - draft.now)
    return plan.Plan(
        build=actions.build,
        creates=() if after.phase.finished else actions.creates,
        inquiry=actions.inquiry,
        status=new if changed else None,
        notices=draft.notices() if changed else (),
        requeue_after=requeue,
        waits_for_nodes=actions.waits_for_nodes and not after.phase.finished,
    )
