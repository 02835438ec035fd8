"""What becomes of the pods of a job in a world in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests import builders
from trainshed.api import labels

FINAL = ("Succeeded", "Failed")
Step = Callable[[builders.PodBuilder], object]


@dataclass(frozen=True)
class Fate:
    """What becomes of a job's pods: which node they find, how they start and how they end.

    Where it is a bad one, it is that of the pod of one index; the others wait for it, unless they
    are folds: each of those is for itself, and tells of another accuracy.
    """

    index: int = 0
    placed: bool = True
    starts: bool = True
    exit_code: int = 0
    evicted: bool = False
    account: bool = True

    @property
    def good(self) -> bool:
        """Return whether the job can succeed."""
        return self.placed and self.starts and self.exit_code == 0 and not self.evicted


def index(pod: Mapping[str, Any]) -> int:
    """Return the index of a pod in its Job."""
    return int(pod["metadata"]["annotations"][labels.COMPLETION_INDEX])


def step(pod: Mapping[str, Any], fate: Fate, *, since: float) -> Step | None:
    """Return the next thing that happens to a pod; None when nothing does."""
    state = pod["status"].get("containerStatuses", [{}])[0].get("state", {})
    conditions = {each["type"] for each in pod["status"].get("conditions", ())}
    fold = labels.FOLDS in pod["metadata"]["labels"]
    own = fate if index(pod) == fate.index else Fate()
    if pod["status"]["phase"] in FINAL:
        return None
    if not pod["spec"].get("nodeName"):
        if own.placed:
            return lambda each: each.on_node(since=since)
        return None if conditions else lambda each: each.unschedulable()
    if not state:
        return lambda each: each.waiting()
    waiting = state.get("waiting", {}).get("reason")
    if waiting == "ContainerCreating" and not own.starts:
        return lambda each: each.pull_failed()
    if waiting == "ContainerCreating":
        return lambda each: each.running(since=since)
    if waiting or (own is not fate and not fate.good and not fold):
        return None
    told = builders.account_document(metrics={"accuracy": accuracy(index(pod))}) if fold else None
    return lambda each: _end(each, own if fold else fate, since, told)


def accuracy(fold: int) -> float:
    """Return the accuracy that a fold tells of."""
    return 0.9 + fold / 64


def _end(pod: builders.PodBuilder, fate: Fate, now: float, told: Mapping[str, Any] | None) -> None:
    if fate.evicted:
        pod.evicted()
    elif fate.exit_code == 0 and fate.account:
        pod.succeeded(told, after=now)
    else:
        pod.exited(fate.exit_code, "the end", after=now)
