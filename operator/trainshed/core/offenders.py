"""Nodes that failed under jobs, by namespace: counted of what is stored of finished jobs.

A namespace counts for itself alone, so that nobody's jobs drive others' off a node. The counts are
kept as jobs come and go, and are the same after a restart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from trainshed.api import reasons
from trainshed.core import observed, times

DAY = 86_400.0
"""Seconds for which a failure counts."""
TOGETHER = 60.0
"""Failures of a node within so many seconds are one: it takes all jobs that it has along."""
TELLING = frozenset({reasons.FailureClass.NODE_LOST})
"""Classes of failures that are a node's own. What a process claims of itself counts too: who writes
it keeps their own namespace's jobs off a node, and nobody else's."""


class Failure(NamedTuple):
    """A job that failed with its node."""

    at: float
    job: str


@dataclass(frozen=True, slots=True)
class Offender:
    """A node that failed. `times`: those within a minute once; `jobs`: the last ones first."""

    node: str
    times: int
    last: float
    jobs: tuple[str, ...]


class Offenders:
    """Failures by namespace and node."""

    def __init__(self) -> None:
        """Begin without any."""
        self._failures: dict[str, dict[str, dict[observed.Uid, Failure]]] = {}
        self._where: dict[observed.Uid, tuple[str, str]] = {}

    def put(self, job: observed.TrainingJobView) -> None:
        """Take in what a job's status tells."""
        self.drop(job.uid)
        found = _read(job)
        if found is not None:
            node, failure = found
            nodes = self._failures.setdefault(job.key.namespace, {})
            nodes.setdefault(node, {})[job.uid] = failure
            self._where[job.uid] = job.key.namespace, node

    def drop(self, uid: observed.Uid) -> None:
        """Forget a job."""
        where = self._where.pop(uid, None)
        if where is None:
            return
        namespace, node = where
        nodes = self._failures[namespace]
        del nodes[node][uid]
        if not nodes[node]:
            del nodes[node]
        if not nodes:
            del self._failures[namespace]

    def of(self, namespace: str, *, after: int, now: float) -> list[Offender]:
        """Return the nodes that failed so many times within a day, those that did last first."""
        known = self._failures.get(namespace, {}).items()
        found = (_judged(node, failures.values(), now) for node, failures in known)
        counted = [each for each in found if each.times >= after]
        return sorted(counted, key=lambda each: (-each.last, each.node))


def _judged(node: str, failures: Iterable[Failure], now: float) -> Offender:
    recent = sorted(each for each in failures if now - each.at <= DAY)
    counted, before = 0, float("-inf")
    for each in recent:
        if each.at - before >= TOGETHER:
            counted, before = counted + 1, each.at
    last = recent[-1].at if recent else before
    return Offender(node, counted, last, tuple(each.job for each in reversed(recent)))


def _read(job: observed.TrainingJobView) -> tuple[str, Failure] | None:
    """Return the node that failed under a job, and when; None of one that is being deleted."""
    if job.deleting or b'"failure"' not in job.status:
        return None  # the many that go well are not even read
    status = json.loads(job.status)
    failure = status.get("failure") or {}
    try:
        at = times.parse(status.get("completionTime"))
    except ValueError:
        return None
    node = failure.get("node")
    if at is None or not node or failure.get("class") not in TELLING:
        return None
    return node, Failure(at, job.key.name)
