"""What a build's Job and pods tell: an image, a refusal, or nothing yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from trainshed.api import reasons
from trainshed.core import failures, observed

Reason = reasons.Reason
_TAIL = 600
_UNREADABLE = (
    "the build pod {pod} ended with code {code} and said nothing that we know: {tail}; it is begun"
    " again; see its log"
)


def outcome(
    job: observed.JobView, pods: Sequence[observed.PodView], *, repository: str
) -> observed.BuiltImage | observed.Refusal | None:
    """Return what came of a build; None while it goes on.

    `repository`: host and path of the namespace's images. The words of a pod are its namespace's,
    and nobody is sent to an image of another one by them.
    """
    ended = [each for each in pods if each.container.exit_code is not None]
    last = max(ended, key=lambda each: each.container.finished or 0.0, default=None)
    if last is not None and (said := _said(last, repository)) is not None:
        return said
    failed = job.condition("Failed")
    if failed is None and job.condition("Complete") is None:
        return None
    if failed is not None and failed.reason == "DeadlineExceeded":
        message = f"build Job {job.name} did not end in time: it is begun again; read its pod's log"
        return observed.Refusal(Reason.BUILD_TIMED_OUT, message, terminal=False)
    return _unsaid(job, last)


def _said(pod: observed.PodView, repository: str) -> observed.BuiltImage | observed.Refusal | None:
    """Return what a pod's last words mean, if they are the builder's and sound."""
    try:
        told = json.loads(pod.container.message)
        if "refusal" in told:
            return _refusal(told["refusal"])
        image = observed.BuiltImage(**told["image"])
        sound = (
            pod.container.exit_code == 0
            and image.ref.startswith(f"{repository}@sha256:")
            and all(isinstance(each, str) for each in (image.key, image.source_revision))
            and isinstance(image.uploaded_bytes, int)
        )
        return image if sound else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _refusal(told: Any) -> observed.Refusal:
    reason = failures.sound_reason(str(told["reason"]), Reason.BUILD_FAILED)
    return observed.Refusal(reason, str(told["message"])[:2000], terminal=told["terminal"] is True)


def _unsaid(job: observed.JobView, pod: observed.PodView | None) -> observed.Refusal:
    if pod is None:
        message = f"build Job {job.name} ended without a pod: it is begun again"
        return observed.Refusal(Reason.BUILD_INTERRUPTED, message, terminal=False)
    if pod.container.reason == "OOMKilled":
        message = (
            f"build pod {pod.name} used more memory than its limit: make the source smaller, or"
            " have builder.resources of the chart raised"
        )
        return observed.Refusal(Reason.BUILD_OUT_OF_MEMORY, message, terminal=True)
    tail = "".join(each for each in pod.container.message[-_TAIL:] if each.isprintable())
    message = _UNREADABLE.format(pod=pod.name, code=pod.container.exit_code, tail=tail)
    return observed.Refusal(Reason.BUILD_FAILED, message, terminal=False)


def waiting(pod: observed.PodView) -> str:
    """Return why a build pod does not start, as the scheduler or the kubelet says it."""
    placed = pod.condition("PodScheduled")
    if not pod.node and placed is not None and placed.status == "False":
        return f"build pod {pod.name} has no node: {placed.message}"
    why = pod.container.waiting_reason
    if why in ("", "ContainerCreating", "PodInitializing"):
        return ""
    return f"build pod {pod.name} does not start: {why}: {pod.container.waiting_message}"
