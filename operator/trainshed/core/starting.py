"""Whether the container runs, or what keeps it from starting, and for how long it may."""

from __future__ import annotations

from trainshed.api import reasons
from trainshed.core import draft as drafts
from trainshed.core import failures, observed, plan, policy, times

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


def settle(draft: drafts.Draft, seen: observed.Observation, pod: observed.PodView | None) -> None:
    """Bring the Running condition up to date."""
    if pod is None or not pod.node:
        if seen.warning is not None and pod is None:
            draft.condition(Type.RUNNING, False, Reason.POD_REJECTED, seen.warning.message)
        return
    container = pod.container
    if container.started is not None:
        draft.fields["start_time"] = draft.before.start_time or times.render(container.started)
        if container.exit_code is None:
            draft.condition(Type.RUNNING, True, Reason.TRAINING, f"on node {pod.node}")
        return
    reason, message = _waiting(draft, seen, pod)
    draft.condition(Type.RUNNING, False, reason, message)


def _waiting(
    draft: drafts.Draft, seen: observed.Observation, pod: observed.PodView
) -> tuple[str, str]:
    why, said = pod.container.waiting_reason, pod.container.waiting_message
    if why in _PULL:
        known = draft.conditions.get(Type.RUNNING)
        if why in _REPEATS and known is not None and known.reason == Reason.IMAGE_PULL_FAILED:
            return known.reason, known.message
        return Reason.IMAGE_PULL_FAILED, f"{said or why}; check the image's name and pullSecrets"
    if why in _CONFIG:
        advice = "create what is missing, or create the job anew without it"
        return Reason.CONTAINER_CONFIG_INVALID, f"{said or why}; {advice}"
    if seen.warning is not None:
        return seen.warning.reason, seen.warning.message
    return Reason.CONTAINER_STARTING, "the node prepares the container"


def overdue(
    draft: drafts.Draft, seen: observed.Observation, settings: policy.Policy
) -> failures.Failed | None:
    """Return the end of a job whose container has not started by its deadline."""
    if seen.workload is None or draft.fields.get("start_time") or draft.before.start_time:
        return None
    if draft.now < deadline(seen.workload, settings):
        return None
    stuck = [
        each
        for type_ in (Type.RUNNING, Type.PLACED)
        if (each := draft.conditions.get(type_)) is not None and each.status == "False"
    ]
    pull = bool(stuck) and stuck[0].reason == Reason.IMAGE_PULL_FAILED
    said = f"; last: {stuck[0].message}" if stuck else ""
    return failures.Failed(
        reason=Reason.STARTUP_DEADLINE_EXCEEDED,
        message=f"not started within {settings.startup_deadline:.0f} s{said}",
        failure_class=reasons.FailureClass.IMAGE_PULL if pull else reasons.FailureClass.UNKNOWN,
    )


def deadline(workload: observed.JobView, settings: policy.Policy) -> float:
    """Return when a container that has not started is given up."""
    return workload.created + settings.startup_deadline


def inquiry(
    draft: drafts.Draft,
    seen: observed.Observation,
    pod: observed.PodView | None,
    settings: policy.Policy,
) -> plan.Inquiry | None:
    """Return the object whose events tell why a start takes long and nobody says why."""
    workload = seen.workload
    if workload is None or draft.before.start_time or draft.fields.get("start_time"):
        return None
    if pod is None:
        silent = draft.now - workload.created >= settings.quiet_start
        return plan.Inquiry("Job", workload.name, workload.uid) if silent else None
    placed = pod.condition("PodScheduled")
    since = placed.changed if placed is not None and placed.changed else pod.created
    waiting = pod.container.waiting_reason in ("", "ContainerCreating", "PodInitializing")
    if pod.node and waiting and draft.now - since >= settings.quiet_start:
        return plan.Inquiry("Pod", pod.name, pod.uid)
    return None
