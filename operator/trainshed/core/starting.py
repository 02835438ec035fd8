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
_SILENT = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Waiting reasons that say nothing."""
_LONGEST_WAIT = 60.0


def settle(draft: drafts.Draft, seen: observed.Observation, pod: observed.PodView | None) -> None:
    """Bring the Running condition up to date."""
    if pod is None or not pod.node:
        _unplaced(draft, seen, pod)
        return
    container = pod.container
    if container.started is not None:
        draft.fields["start_time"] = draft.before.start_time or times.render(container.started)
        if container.exit_code is None and pod.deleting:
            message = f"pod {pod.name} was told to go; if node {pod.node} does not answer, "
            message += "remove the node or delete the pod by force"
            draft.condition(Type.RUNNING, False, Reason.POD_TERMINATING, message)
        elif container.exit_code is None:
            draft.condition(Type.RUNNING, True, Reason.TRAINING, f"on node {pod.node}")
        return
    reason, message = _waiting(draft, seen, pod)
    draft.condition(Type.RUNNING, False, reason, message)


def _unplaced(
    draft: drafts.Draft, seen: observed.Observation, pod: observed.PodView | None
) -> None:
    if pod is None and seen.warning is not None:
        draft.condition(Type.RUNNING, False, Reason.POD_REJECTED, seen.warning.message)
    known = draft.conditions.get(Type.RUNNING)
    if pod is not None and known is not None and known.reason == Reason.POD_REJECTED:
        draft.condition(Type.RUNNING, False, Reason.WORKLOAD_CREATED, "the pod exists now")


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
    if seen.workload is None or _started(draft):
        return None
    if draft.now < deadline(seen.workload, settings):
        return None
    stuck = [
        each
        for type_ in (Type.RUNNING, Type.PLACED)
        if (each := draft.conditions.get(type_)) is not None and each.status == "False"
    ]
    last = stuck[0] if stuck else None
    why = observed.Refusal(last.reason, last.message, terminal=True) if last else None
    said = f"; last: {last.message}" if last else ""
    return failures.Failed(
        reason=Reason.STARTUP_DEADLINE_EXCEEDED,
        message=f"not started within {settings.startup_deadline:.0f} s{said}",
        failure_class=failures.refused(why),
    )


def _started(draft: drafts.Draft) -> bool:
    return bool(draft.fields.get("start_time") or draft.before.start_time)


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
    since = _silent_since(draft, seen, pod)
    if since is None or draft.now - since < settings.quiet_start or seen.workload is None:
        return None
    if pod is not None:
        return plan.Inquiry("Pod", pod.name, pod.uid)
    return plan.Inquiry("Job", seen.workload.name, seen.workload.uid)


def next_look(
    draft: drafts.Draft,
    seen: observed.Observation,
    pod: observed.PodView | None,
    settings: policy.Policy,
) -> float | None:
    """Return when a start is looked at again; None once it has started.

    What the watch tells needs no look. A silent start gets one after half of the time that it
    has been silent, so that thousands of them cost little.
    """
    if seen.workload is None or _started(draft):
        return None
    end, since = deadline(seen.workload, settings), _silent_since(draft, seen, pod)
    if since is None:
        return end
    silent = draft.now - since
    wait = settings.quiet_start - silent
    if wait <= 0:
        wait = min(_LONGEST_WAIT, max(settings.quiet_start, silent / 2))
    return min(end, draft.now + wait)


def _silent_since(
    draft: drafts.Draft, seen: observed.Observation, pod: observed.PodView | None
) -> float | None:
    """Return since when nobody says why nothing happens; None where somebody does."""
    if seen.workload is None or _started(draft):
        return None
    if pod is None:
        return seen.workload.created
    if not pod.node or pod.container.waiting_reason not in _SILENT:
        return None
    placed = pod.condition("PodScheduled")
    return placed.changed if placed is not None and placed.changed else pod.created
