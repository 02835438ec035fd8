"""What a build's Job and pods tell: an image, a refusal, or nothing yet."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import pydantic

from trainshed.api import reasons
from trainshed.builds import measures
from trainshed.core import failures, observed

Reason = reasons.Reason
_TAIL = 600
_LOG_TAIL = 2048
GRACE_SECONDS = 10.0
"""So long after a Job's end its pods may still be unknown here."""
_OVERFULL = re.compile(r'EmptyDir volume "work" exceeds|ephemeral.* storage.* limit', re.IGNORECASE)
"""The kubelet's words for a pod that is over a limit of its own; not for a node that is full."""
_REVISION = r"^([0-9a-f]{40}|sha256:[0-9a-f]{64})?$"
_CRAMPED = re.compile(r'EmptyDir volume "image" exceeds', re.IGNORECASE)
"""The same of an engine's volume."""
_COMPILER = re.compile(r'EmptyDir volume "(scratch|compiled)" exceeds', re.IGNORECASE)
_WHEELS = re.compile(r'EmptyDir volume "wheels(-tmp)?" exceeds', re.IGNORECASE)
_FEWER_WHEELS = (
    "building packages needs more disk than builder.packages.maxBytes of the chart, and 4 GiB on"
    " the way: ask for one that has a wheel, or have that raised"
)
_LESS_COMPILED = (
    "compiling needs more disk than 4 times source.maxBytes and 4 GiB: compile less, or raise"
    " source.maxBytes"
)
_PRIVILEGES = (
    "a Dockerfile's build needs a namespace labelled pod-security.kubernetes.io/enforce:"
    " privileged, other builds one that allows restricted"
)
_LARGER_SOURCE = (
    "the build needs more disk than 4 times source.maxBytes, and twice what packages may have:"
    " raise source.maxBytes, or have builder.packages.maxBytes of the chart raised"
)
_LARGER_STORAGE = (
    "the Dockerfile's bases, steps and result need more disk than builder.dockerfile.storage of the"
    " chart: make them smaller, or have that raised"
)
_LONGEST = 1e7
"""No build takes so many seconds: what says so is no builder of ours."""


_Seconds = Annotated[float, pydantic.Field(ge=0, le=_LONGEST, allow_inf_nan=False)]
_PHASES = frozenset(measures.Phase) - {measures.Phase.START}
"""Those that a pod may tell of; how long it took to start, it can't know."""


class _Image(pydantic.BaseModel):
    """An image in a pod's last words: only what the status can hold."""

    model_config = pydantic.ConfigDict(strict=True, frozen=True)

    ref: Annotated[str, pydantic.Field(pattern=r"^[^@\s]{1,512}@sha256:[0-9a-f]{64}$")]
    key: Annotated[str, pydantic.Field(pattern=r"^b-[0-9a-f]{32}$")]
    base_digest: Annotated[str, pydantic.Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    cache_hit: bool
    seconds: _Seconds
    uploaded_bytes: Annotated[int, pydantic.Field(ge=0, lt=2**63)]
    source_revision: Annotated[str, pydantic.Field(pattern=_REVISION)] = ""
    lock_hash: Annotated[str, pydantic.Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    hits: list[str] = []
    phases: dict[str, _Seconds] = {}

    def built(self) -> observed.BuiltImage:
        """Return the image; phases and hits that we do not know are nothing to us."""
        fields = self.model_dump(exclude={"hits", "phases"})
        phases = {name: took for name, took in self.phases.items() if name in _PHASES}
        hits = tuple(each for each in measures.Hit if each in self.hits)
        return observed.BuiltImage(**fields, hits=hits, phases=phases)


_UNREADABLE = (
    "the build pod {pod} ended with code {code} and said nothing that we know: {tail}; it is begun"
    " again; see its log"
)


def outcome(
    job: observed.JobView, pods: Sequence[observed.PodView], *, repository: str, now: float
) -> observed.BuiltImage | observed.Refusal | None:
    """Return what came of a build; None while it goes on.

    `repository`: host and path that its image goes to. The words of a pod are its namespace's,
    and nobody is sent to an image of another one by them.
    """
    ended = [each for each in pods if each.container.exit_code is not None]
    last = max(ended, key=lambda each: each.container.finished or 0.0, default=None)
    if last is not None and (said := _said(last, repository)) is not None:
        return said
    full = next((told for each in pods if (told := _overfull(each)) is not None), None)
    if full is not None:
        return full
    failed = job.condition("Failed") or job.condition("FailureTarget")
    late = failed is not None and failed.reason == "DeadlineExceeded"
    # At once: a pod that is out of time is deleted, and its last words go with it.
    if not (late and last is not None) and _more_may_come(job, pods, last, now):
        return None
    return _late(job, last) if late else _unsaid(job, last)


def end(job: observed.JobView) -> observed.ConditionView | None:
    """Return the condition by which a build's Job has ended."""
    return job.condition("Failed") or job.condition("Complete")


def _more_may_come(
    job: observed.JobView,
    pods: Sequence[observed.PodView],
    last: observed.PodView | None,
    now: float,
) -> bool:
    """Return whether a pod may still tell: the Job's watch can be ahead of the pods'."""
    over = end(job)
    if over is None or any(_goes_on(each) for each in pods):
        return True
    told = last is not None and (over.type == "Failed" or last.container.exit_code == 0)
    return not told and now - (over.changed or 0.0) < GRACE_SECONDS


def _goes_on(pod: observed.PodView) -> bool:
    # One that is being deleted may be on a node that never answers: it is given the grace alone.
    over = pod.deleting or pod.phase in ("Succeeded", "Failed")
    return not over and pod.container.exit_code is None


def _overfull(pod: observed.PodView) -> observed.Refusal | None:
    """Return why a pod was evicted, where it used more disk than its volumes may hold."""
    if pod.reason != "Evicted":
        return None
    reason: str
    if _CRAMPED.search(pod.message):
        reason, advice = reasons.BuildReason.DOCKERFILE_TOO_LARGE, _LARGER_STORAGE
    elif _COMPILER.search(pod.message):
        reason, advice = reasons.BuildReason.COMPILE_FAILED, _LESS_COMPILED
    elif _WHEELS.search(pod.message):
        reason, advice = reasons.BuildReason.WHEEL_BUILD_FAILED, _FEWER_WHEELS
    elif _OVERFULL.search(pod.message):
        reason, advice = Reason.SOURCE_TOO_LARGE, _LARGER_SOURCE
    else:
        return None
    message = f"{advice}; build pod {pod.name} was evicted: {_clean(pod.message)[:_TAIL].strip()}"
    return observed.Refusal(reason, message, terminal=True)


def read(words: str) -> observed.BuiltImage | observed.Refusal | None:
    """Return what a pod's words mean, if they are the builder's and sound."""
    try:
        told = json.loads(words)
        if "refusal" in told:
            return _refusal(told["refusal"])
        return _Image.model_validate(told["image"]).built()
    # Words of some thousand brackets are nested too deeply to be read.
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def ended(pod: observed.PodView, words: str, *, now: float) -> observed.PodView:
    """Return a pod as it will have ended that has said so itself, in words of an image."""
    if pod.container.exit_code is not None:
        return pod
    last = replace(pod.container, exit_code=0, finished=now, message=words)
    return replace(pod, container=last)


def _said(pod: observed.PodView, repository: str) -> observed.BuiltImage | observed.Refusal | None:
    """Return what a pod's last words mean. An image is taken from its own place alone."""
    if pod.container.strange:
        return None
    found = read(pod.container.message)
    if not isinstance(found, observed.BuiltImage):
        return found
    ours = found.ref.partition("@")[0] == repository
    return found if ours and pod.container.exit_code == 0 else None


def _refusal(told: Any) -> observed.Refusal | None:
    reason, said = told["reason"], told["message"]
    if not isinstance(reason, str) or not isinstance(said, str):
        return None
    reason = failures.sound_reason(reason, Reason.BUILD_FAILED)
    log = told.get("log")
    return observed.Refusal(
        reason,
        _clean(said)[:2000],
        terminal=told["terminal"] is True,
        log_tail=_log_tail(log) if isinstance(log, str) else "",
    )


def _log_tail(said: str) -> str:
    return _clean(said[-_LOG_TAIL:], keep="\n").strip()


def _clean(text: str, *, keep: str = "") -> str:
    """Return a text that a status can hold: no control characters, no half of a surrogate pair."""
    return "".join(each if each.isprintable() or (keep and each in keep) else " " for each in text)


def _late(job: observed.JobView, pod: observed.PodView | None) -> observed.Refusal:
    """Return why a build is out of time: its pod is gone, and its log with it."""
    tail = _log_tail(pod.container.message) if pod is not None else ""
    last = f"; last: {tail.rpartition(chr(10))[2][-_TAIL:]}" if tail else ""
    message = f"build Job {job.name} did not end in time{last}: it is begun again"
    return observed.Refusal(Reason.BUILD_TIMED_OUT, message, terminal=False, log_tail=tail)


def _unsaid(job: observed.JobView, pod: observed.PodView | None) -> observed.Refusal:
    if pod is None:
        message = f"build Job {job.name} ended without a pod: it is begun again"
        return observed.Refusal(Reason.BUILD_INTERRUPTED, message, terminal=False)
    log_tail = _log_tail(pod.container.message)
    if pod.container.reason == "OOMKilled":
        message = (
            f"build pod {pod.name} used more memory than its limit: make the source, or the"
            " Dockerfile's steps, smaller, or have builder.resources of the chart, or of a"
            " Dockerfile builder.dockerfile.resources, raised"
        )
        return observed.Refusal(
            Reason.BUILD_OUT_OF_MEMORY, message, terminal=True, log_tail=log_tail
        )
    tail = _clean(pod.container.message[-_TAIL:])
    message = _UNREADABLE.format(pod=pod.name, code=pod.container.exit_code, tail=tail)
    return observed.Refusal(Reason.BUILD_FAILED, message, terminal=False, log_tail=log_tail)


def waiting(pod: observed.PodView) -> str:
    """Return why a build pod does not start, as the scheduler or the kubelet says it."""
    placed = pod.condition("PodScheduled")
    if not pod.node and placed is not None and placed.status == "False":
        return f"build pod {pod.name} has no node: {placed.message}"
    why = pod.container.waiting_reason
    if why in ("", "ContainerCreating", "PodInitializing"):
        return ""
    return f"build pod {pod.name} does not start: {why}: {pod.container.waiting_message}"


def held(build: observed.JobView) -> str:
    """Return why a build that is suspended does not start: nobody here suspends one."""
    if build.queue:
        return f"build Job {build.name} waits in queue {build.queue} of Kueue"
    return (
        f"build Job {build.name} is suspended, as Kueue does with Jobs in no queue where"
        " manageJobsWithoutQueueName is set: have managedJobsNamespaceSelector of Kueue leave out"
        " this namespace, or resume the Job"
    )


def waits(said: str) -> observed.Refusal:
    """Return what a job shows whose build pod does not start."""
    advice = _PRIVILEGES if "violates PodSecurity" in said else "create or mend what it names"
    message = f"{said}; {advice}: the build goes on by itself"
    never = float("inf")
    return observed.Refusal(Reason.BUILD_POD_WAITING, message, terminal=False, retry_at=never)


def gone(job: observed.JobView) -> observed.Refusal:
    """Return what came of a build whose Job somebody deleted."""
    message = f"build Job {job.name} was deleted before it ended: it is begun again"
    return observed.Refusal(Reason.BUILD_INTERRUPTED, message, terminal=False)
