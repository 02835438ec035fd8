"""The pods of an attempt: who speaks for it, who is missing, who failed first.

Those of a cross-validation are folds: some live at a time, each for itself. One that runs is
enough for the job to run, and what the others wait for is told when none does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from trainshed.core import accounts, observed, reports, scheduling

FINAL = ("Succeeded", "Failed")
_CONSEQUENCES = frozenset({"CommTimeout"})
"""Classes of failures that another process's end brings about."""


@dataclass(frozen=True, slots=True)
class Gang:
    """The newest pod of each index, in order of index, of the `size` that there are to be."""

    size: int
    pods: tuple[observed.PodView, ...] = ()
    folds: bool = False
    departed: tuple[observed.PodView, ...] = ()
    """Pods that failed and are gone."""

    @property
    def speaker(self) -> observed.PodView | None:
        """Return the pod that speaks for the attempt: the one of rank 0."""
        return next((each for each in self.pods if each.index == 0), None)

    @property
    def complete(self) -> bool:
        """Whether every pod is there; of folds, whether one is that has not ended."""
        if self.folds and any(each.phase not in FINAL for each in self.pods):
            return True
        return 0 < self.size == len(self.pods)

    @property
    def going(self) -> list[observed.PodView]:
        """Return the pods whose container runs."""
        return [
            each
            for each in self.pods
            if each.container.started is not None and each.container.exit_code is None
        ]

    @property
    def nodes(self) -> list[str]:
        """Return the nodes of the pods, each once."""
        return list(dict.fromkeys(each.node for each in self.pods if each.node))

    @property
    def placed(self) -> float | None:
        """Return when the last pod found its node, or the first fold; None where one has none."""
        return self._whole([_placed(each) for each in self.pods])

    @property
    def started(self) -> float | None:
        """Return when the last container started, or the first fold's; None where one has not."""
        return self._whole([each.container.started for each in self.pods])

    def _whole(self, moments: list[float | None]) -> float | None:
        known = [each for each in moments if each is not None]
        if self.folds:
            return min(known, default=None)
        return max(known) if self.complete and len(known) == self.size else None

    def where(self) -> str:
        """Return where the pods are, in words."""
        nodes = self.nodes
        if self.size == 1:
            return f"on node {', '.join(nodes)}"
        pods = "folds" if self.folds else f"{len(self.pods)} pods"
        return f"{pods} on node{'s' if len(nodes) > 1 else ''} {', '.join(nodes)}"

    def refusal(self, pod: observed.PodView) -> str | None:
        """Return the scheduler's words on a pod that no node takes; None where it has none."""
        scheduled = pod.condition("PodScheduled")
        if scheduled is None or scheduled.status != "False" or pod.node:
            return None
        return scheduled.message.rstrip(". ") or "no node takes the pod"

    @property
    def gathers(self) -> bool:
        """Whether a part of the pods would have nodes, if the others had them too."""
        said = [found for each in self.pods if (found := self.refusal(each)) is not None]
        return any(scheduling.waits_for_peers(each) for each in said)

    @property
    def refused(self) -> list[observed.PodView]:
        """Return the pods that no node takes: where some keep others waiting, those alone."""
        found = {each.uid: said for each in self.pods if (said := self.refusal(each)) is not None}
        causes = {uid for uid, said in found.items() if not scheduling.waits_for_peers(said)}
        return [each for each in self.pods if each.uid in (causes or found)]

    def named(self, pod: observed.PodView) -> str:
        """Return what a message about a pod begins with: nothing where there is but one."""
        if self.folds:
            return f"fold {pod.index}: "
        return f"pod {pod.name}: " if self.size > 1 else ""


def of(seen: observed.Observation) -> Gang:
    """Return the pods of the present attempt. Those of another Job do not count."""
    if seen.workload is None:
        return Gang(0)
    newest: dict[int, observed.PodView] = {}
    for pod in sorted(seen.pods, key=lambda each: (each.created, each.name)):
        if pod.owner_uid == seen.workload.uid and pod.index < seen.workload.completions:
            newest[pod.index] = pod
    ordered = tuple(newest[index] for index in sorted(newest))
    return Gang(
        seen.workload.completions,
        ordered,
        folds=seen.workload.folds > 0,
        departed=seen.departed,
    )


def spoken(gang: Gang, seen: observed.Observation) -> reports.Account | None:
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
    account: reports.Account | None
    fold: int | None = None
    """The fold that it is, in a cross-validation."""


def first_lost(gang: Gang, seen: observed.Observation) -> Lost:
    """Return who failed first, so that nobody is blamed for another one's end.

    When one fails the Job controller ends the others; those tell that they were told to stop, or
    that they lost their peers.
    """
    found = [_lost(each, seen) for each in (*gang.pods, *gang.departed)]
    ended = [each for each in found if _is_cause(each)] or [
        each for each in found if each.pod is not None and each.pod.phase == "Failed"
    ]
    if not ended and gang.folds:
        return _gone(seen)
    if not ended:
        told = seen.failure.account if seen.failure is not None else None
        return Lost(gang.speaker, spoken(gang, seen) or told)
    return min(ended, key=_when)


def _lost(pod: observed.PodView, seen: observed.Observation) -> Lost:
    pushed = seen.failure
    told = accounts.parse(pod.container.message)
    if told is None and pushed is not None and pushed.pod_uid == pod.uid:
        told = pushed.account
    last = seen.progress if pod.fold is None and pod.index == 0 else seen.folds.get(pod.index)
    if told is None and last is not None:
        told = last.account
    return Lost(pod, told, pod.fold)


def _gone(seen: observed.Observation) -> Lost:
    """Return the fold that pushed its failure, whose pod is gone."""
    if seen.failure is None:
        return Lost(None, None)
    return Lost(None, seen.failure.account, seen.failure.fold)


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
