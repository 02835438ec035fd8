"""The pods of an attempt: who speaks for it, who is missing, who failed first."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainshed.core import accounts, observed

FINAL = ("Succeeded", "Failed")
_CONSEQUENCES = frozenset({"CommTimeout"})
"""Classes of failures that another process's end brings about."""


@dataclass(frozen=True, slots=True)
class Gang:
    """The newest pod of each index, in order of index, of the `size` that there are to be."""

    size: int
    pods: tuple[observed.PodView, ...] = ()

    @property
    def speaker(self) -> observed.PodView | None:
        """Return the pod that speaks for the attempt: the one of rank 0."""
        return next((each for each in self.pods if each.index == 0), None)

    @property
    def complete(self) -> bool:
        """Whether every pod is there."""
        return 0 < self.size == len(self.pods)

    @property
    def nodes(self) -> list[str]:
        """Return the nodes of the pods, each once."""
        return list(dict.fromkeys(each.node for each in self.pods if each.node))

    @property
    def placed(self) -> float | None:
        """Return when the last pod found its node; None where one has none."""
        return self._last([_placed(each) for each in self.pods])

    @property
    def started(self) -> float | None:
        """Return when the last container started; None where one has not."""
        return self._last([each.container.started for each in self.pods])

    def _last(self, moments: list[float | None]) -> float | None:
        known = [each for each in moments if each is not None]
        return max(known) if self.complete and len(known) == self.size else None

    def where(self) -> str:
        """Return where the pods are, in words."""
        if self.size == 1:
            return f"on node {self.nodes[0]}"
        nodes = self.nodes
        return f"{len(self.pods)} pods on node{'s' if len(nodes) > 1 else ''} {', '.join(nodes)}"

    def named(self, pod: observed.PodView) -> str:
        """Return what a message about a pod begins with: nothing where there is but one."""
        return f"pod {pod.name}: " if self.size > 1 else ""


def of(seen: observed.Observation) -> Gang:
    """Return the pods of the present attempt. Those of another Job do not count."""
    if seen.workload is None:
        return Gang(0)
    newest: dict[int, observed.PodView] = {}
    for pod in sorted(seen.pods, key=lambda each: (each.created, each.name)):
        if pod.owner_uid == seen.workload.uid and pod.index < seen.workload.completions:
            newest[pod.index] = pod
    return Gang(seen.workload.completions, tuple(newest[index] for index in sorted(newest)))


def spoken(gang: Gang, seen: observed.Observation) -> observed.Account | None:
    """Return rank 0's own account, which is the job's: the termination message, else the push."""
    pod = gang.speaker
    written = accounts.parse(pod.container.message) if pod is not None else None
    if written is not None:
        return written
    return seen.progress.account if seen.progress is not None else None


@dataclass(frozen=True, slots=True)
class Lost:
    """The pod whose process failed first, and what it told of it."""

    pod: observed.PodView | None
    account: observed.Account | None


def first_lost(gang: Gang, seen: observed.Observation) -> Lost:
    """Return who failed first, so that nobody is blamed for another one's end.

    When one fails the Job controller ends the others; those tell that they were told to stop, or
    that they lost their peers.
    """
    found = [_lost(each, seen) for each in gang.pods]
    ended = [each for each in found if _is_cause(each)] or [
        each for each in found if each.pod is not None and each.pod.phase == "Failed"
    ]
    told = seen.failure.account if seen.failure is not None else None
    if not ended:
        return Lost(gang.speaker, spoken(gang, seen) or told)
    return min(ended, key=_when)


def _lost(pod: observed.PodView, seen: observed.Observation) -> Lost:
    pushed = seen.failure
    told = accounts.parse(pod.container.message)
    if told is None and pushed is not None and pushed.pod_uid == pod.uid:
        told = pushed.account
    if told is None and pod.index == 0 and seen.progress is not None:
        told = seen.progress.account
    return Lost(pod, told)


def _is_cause(lost: Lost) -> bool:
    """Return whether a pod ended by itself or was taken by the cluster, not by its Job."""
    pod, told = lost.pod, lost.account
    assert pod is not None
    if _taken(pod) or pod.container.reason == "OOMKilled":
        return True
    if told is not None:
        return told.outcome == "failed"
    return pod.phase == "Failed" and not pod.deleting


def _when(lost: Lost) -> tuple[bool, float, int]:
    pod, told = lost.pod, lost.account
    assert pod is not None
    moments = [
        target.changed if (target := pod.condition("DisruptionTarget")) is not None else None,
        told.end_time if told is not None else None,
        pod.container.finished,
    ]
    follows = told is not None and told.failure_class in _CONSEQUENCES and not _taken(pod)
    return follows, next((each for each in moments if each is not None), math.inf), pod.index


def _taken(pod: observed.PodView) -> bool:
    target = pod.condition("DisruptionTarget")
    return (target is not None and target.status == "True") or bool(pod.reason)


def _placed(pod: observed.PodView) -> float | None:
    found = pod.condition("PodScheduled")
    return found.changed if found is not None and found.status == "True" else None
