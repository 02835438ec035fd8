"""Whether the container runs, or what keeps it from starting, and for how long it may."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.api import reasons, spec
from trainshed.core import draft as drafts
from trainshed.core import failures, folds, gangs, observed, plan, policy, queueing, quotas, times

Type = reasons.ConditionType
Reason = reasons.Reason

_PULL = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_REPEATS = frozenset({"ImagePullBackOff", "CrashLoopBackOff"})
"""Waiting reasons that only say that the one before will be tried again."""
_SILENT = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Waiting reasons that say nothing."""
_TOLD = (
    (_PULL, "check the image's name and pullSecrets", Reason.IMAGE_PULL_FAILED),
    (
        _CONFIG,
        "create what is missing, or create the job anew without it",
        Reason.CONTAINER_CONFIG_INVALID,
    ),
)
"""Waiting reasons of the kubelet, what to do about them, and our reason."""
_LONGEST_WAIT = 60.0
_KEPT_OUT = "no pod is let in: see Placed"
"""Of a quota: what `Placed` tells already would be a second event of one cause."""


def bounded(settings: policy.Policy, found: spec.TrainingJobSpec) -> policy.Policy:
    """Return the settings with the deadline that a job gives its own start."""
    own = found.startup_deadline_seconds
    return settings if own is None else dataclasses.replace(settings, startup_deadline=float(own))


def settle(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> None:
    """Bring the Running condition up to date."""
    # One may be over before it was seen to run.
    if gang.folds and (gang.going or _started(draft) or folds.done(draft)):
        _folds(draft, seen, gang, settings)
        return
    slow = [each for each in gang.pods if each.container.started is None]
    prepared = [each for each in slow if each.node]
    if prepared:
        reason, message = _waiting(draft, seen, gang, prepared)
        draft.condition(Type.RUNNING, False, reason, message)
    elif slow or not (gang.complete or _started(draft)):
        _unplaced(draft, seen, gang)
    else:
        _running(draft, gang, gang.where())


def _running(draft: drafts.Draft, gang: gangs.Gang, message: str) -> None:
    if gang.started is not None:
        draft.fields["start_time"] = draft.before.start_time or times.render(gang.started)
    going = [each for each in gang.pods if each.container.exit_code is None]
    leaving = next((each for each in going if each.deleting), None)
    if leaving is not None:
        said = f"pod {leaving.name} was told to go; if node {leaving.node} does not answer, "
        said += "remove the node or delete the pod by force"
        draft.condition(Type.RUNNING, False, Reason.POD_TERMINATING, said)
    elif going and gang.complete:
        draft.condition(Type.RUNNING, True, Reason.TRAINING, message)


def _folds(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> None:
    """Say that folds run, or what keeps the next one from it; a mere moment does not count."""
    message = f"{len(folds.done(draft))} of {gang.size} folds done"
    if gang.going:
        _running(draft, gang, message)
        return
    if draft.is_true(Type.RUNNING):
        draft.condition(Type.RUNNING, True, Reason.TRAINING, message)
    prepared = [each for each in gang.pods if each.node and each.container.started is None]
    since = _idle_since(draft, seen, gang)
    if since is None or draft.now - since < settings.quiet_start:
        # What was warned of may be what an earlier fold has overcome.
        seen = dataclasses.replace(seen, warning=None)
    if prepared:
        reason, message = _waiting(draft, seen, gang, prepared)
        if reason != Reason.CONTAINER_STARTING:
            draft.condition(Type.RUNNING, False, reason, message)
    elif not gang.complete:
        _unplaced(draft, seen, gang)
    elif not draft.is_true(Type.PLACED) and Type.PLACED in draft.conditions:
        message = f"no fold runs: {draft.conditions[Type.PLACED].message}"
        draft.condition(Type.RUNNING, False, Reason.CONTAINER_STARTING, message)


def _unplaced(draft: drafts.Draft, seen: observed.Observation, gang: gangs.Gang) -> None:
    if not gang.complete and quotas.refused(seen.warning) is not None:
        draft.condition(Type.RUNNING, False, Reason.WORKLOAD_CREATED, _KEPT_OUT)
        return
    if not gang.complete and seen.warning is not None:
        draft.condition(Type.RUNNING, False, Reason.POD_REJECTED, seen.warning.message)
        return
    known = draft.conditions.get(Type.RUNNING)
    refused = known and (known.reason == Reason.POD_REJECTED or known.message == _KEPT_OUT)
    if gang.complete and refused:
        draft.condition(Type.RUNNING, False, Reason.WORKLOAD_CREATED, "the pod exists now")


def _waiting(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    pods: Sequence[observed.PodView],
) -> tuple[str, str]:
    """Return why containers have not started, as the first that says so has it."""
    for known, advice, reason in _TOLD:
        said = [
            _said(gang, each, advice) for each in pods if each.container.waiting_reason in known
        ]
        if not said:
            continue
        before = draft.conditions.get(Type.RUNNING)
        repeats = all(each.container.waiting_reason in _REPEATS | _SILENT for each in pods)
        if repeats and before is not None and before.reason == reason:
            return before.reason, before.message
        return reason, draft.steady(Type.RUNNING, reason, said)
    if seen.warning is not None:
        return seen.warning.reason, seen.warning.message
    one = gang.size == 1
    message = "the node prepares the container" if one else "the nodes prepare the containers"
    return Reason.CONTAINER_STARTING, message


def _said(gang: gangs.Gang, pod: observed.PodView, advice: str) -> str:
    why, said = pod.container.waiting_reason, pod.container.waiting_message
    return f"{gang.named(pod)}{said or why}; {advice}"


def overdue(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> failures.Failed | None:
    """Return the end of a job whose container has not started by its deadline."""
    since = _idle_since(draft, seen, gang)
    if since is None or draft.now < since + settings.startup_deadline:
        return None
    stuck = [
        each
        for type_ in (Type.RUNNING, Type.PLACED)
        if (each := draft.conditions.get(type_)) is not None
        and each.status != "True"
        and each.message != _KEPT_OUT
    ]
    last = stuck[0] if stuck else None
    why = observed.Refusal(last.reason, last.message, terminal=True) if last else None
    said = f"; last: {last.message}" if last else ""
    return failures.Failed(
        reason=Reason.STARTUP_DEADLINE_EXCEEDED,
        message=f"not started within {settings.startup_deadline:.0f} s{said}",
        failure_class=failures.refused(why),
        advises=True,
    )


def _started(draft: drafts.Draft) -> bool:
    return bool(draft.fields.get("start_time") or draft.before.start_time)


def _idle_since(draft: drafts.Draft, seen: observed.Observation, gang: gangs.Gang) -> float | None:
    """Return since when a start is waited for; None where all is started, or has ended.

    It is the start of the next fold once one has ended, and that of the whole job otherwise.
    """
    if seen.workload is None:
        return None
    if not gang.folds:
        return None if _started(draft) else queueing.begun(seen.workload)
    ended = [each for each in gang.pods if each.phase in gangs.FINAL]
    if gang.going or len(ended) == gang.size:
        return None
    moments = [each.container.finished for each in ended if each.container.finished is not None]
    begun = queueing.begun(seen.workload)
    return None if begun is None else max([begun, *moments])


def inquiry(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> plan.Inquiry | None:
    """Return the object whose events tell why a start takes long and nobody says why."""
    silent = _silent(draft, seen, gang)
    if silent is None or draft.now - silent.since < settings.quiet_start or seen.workload is None:
        return None
    if silent.pod is not None:
        return plan.Inquiry("Pod", silent.pod.name, silent.pod.uid)
    return plan.Inquiry("Job", seen.workload.name, seen.workload.uid)


def next_look(
    draft: drafts.Draft,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> float | None:
    """Return when a start is looked at again; None once it has started.

    What the watch tells needs no look. A silent start gets one after half of the time that it
    has been silent, so that thousands of them cost little.
    """
    since = _idle_since(draft, seen, gang)
    if since is None:
        return None
    end, quiet = since + settings.startup_deadline, _silent(draft, seen, gang)
    if quiet is None:
        return end
    silent = draft.now - quiet.since
    wait = settings.quiet_start - silent
    if wait <= 0:
        wait = min(_LONGEST_WAIT, max(settings.quiet_start, silent / 2))
    return min(end, draft.now + wait)


@dataclass(frozen=True, slots=True)
class _Silent:
    """Since when nobody says why nothing happens to a pod; without one, why there is none."""

    since: float
    pod: observed.PodView | None = None


def _silent(draft: drafts.Draft, seen: observed.Observation, gang: gangs.Gang) -> _Silent | None:
    """Return what has been silent for longest; None where somebody says why."""
    since = _idle_since(draft, seen, gang)
    if since is None:
        return None
    if not gang.complete:
        return _Silent(since)
    found = [_Silent(moment, each) for each in gang.pods if (moment := _silent_since(each))]
    return min(found, key=lambda each: each.since, default=None)


def _silent_since(pod: observed.PodView) -> float | None:
    container = pod.container
    if not pod.node or container.started is not None or container.waiting_reason not in _SILENT:
        return None
    placed = pod.condition("PodScheduled")
    return placed.changed if placed is not None and placed.changed else pod.created
