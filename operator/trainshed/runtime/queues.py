"""Kueue's Workloads as the watch tells of them, where their API is served and may be read.

A cluster has them of many kinds of work: only those of Jobs are kept, trimmed to conditions.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from trainshed.api import labels
from trainshed.core import naming, observed
from trainshed.kube import client, discovery, kinds
from trainshed.runtime import sweeper

log = logging.getLogger(__name__)
PLURAL = kinds.WORKLOADS[0].plural


class Queues:
    """What Kueue says of Jobs."""

    def __init__(self) -> None:
        """Begin empty."""
        self._known: dict[observed.Uid, observed.QueueView] = {}
        self._by_job: dict[observed.Uid, observed.Uid] = {}

    def put(self, view: observed.QueueView) -> None:
        """Keep what is said of a Job."""
        self._known[view.uid] = view
        if view.job_uid is not None:
            self._by_job[view.job_uid] = view.uid

    def drop(self, uid: observed.Uid) -> observed.QueueView | None:
        """Forget a Workload that is gone; return what it was."""
        view = self._known.pop(uid, None)
        if view is not None and view.job_uid is not None and self._by_job.get(view.job_uid) == uid:
            del self._by_job[view.job_uid]
        return view

    def of(self, job: observed.JobView | None) -> observed.QueueView | None:
        """Return what is said of a Job."""
        uid = self._by_job.get(job.uid) if job is not None else None
        return self._known.get(uid) if uid is not None else None

    def all(self) -> Iterator[observed.QueueView]:
        """Iterate over all that is known, what is not of Jobs among it."""
        return iter(tuple(self._known.values()))


def key(view: observed.QueueView) -> observed.JobKey | None:
    """Return the TrainingJob that a Workload may be of, by its Job's name; None for no one's."""
    owner = naming.training_job(view.job)
    return observed.JobKey(view.namespace, owner) if owner else None


async def watched(
    api: client.Client, *, enabled: bool, namespaces: Sequence[str]
) -> tuple[sweeper.Watched, ...]:
    """Return what is watched for queues: nothing where the API is not served."""
    kind = await discovery.served(api, kinds.WORKLOADS) if enabled else None
    if kind is None:
        if enabled:
            log.warning("kueue_not_served", extra={"advice": "install Kueue, restart the operator"})
        return ()
    return (sweeper.Watched(kind, labels.QUEUED_JOB, namespaces),)
