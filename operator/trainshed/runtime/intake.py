"""Takes what comes in, watch events and pushes, into the cache and wakes the job concerned."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

from trainshed.core import healing, observe, observed
from trainshed.runtime import cache as caches
from trainshed.runtime import places as places_
from trainshed.runtime import queues, workqueue

Body = Mapping[str, Any]


class Kind(enum.StrEnum):
    """The kinds that are watched."""

    TRAINING_JOB = "trainingjobs"
    JOB = "jobs"
    POD = "pods"
    NODE = "nodes"
    CLASS = "acceleratorclasses"
    WORKLOAD = queues.PLURAL


Wake = Callable[[observed.JobKey, workqueue.Priority], None]
HIGH, LOW = workqueue.Priority.HIGH, workqueue.Priority.LOW


class Intake:
    """The only writer of the cache from the outside."""

    def __init__(
        self,
        *,
        cache: caches.Cache,
        wake: Wake,
        clock: Callable[[], float],
        built: Callable[[str, str], None] = lambda namespace, order: None,
        refused: Callable[[str], None] = lambda namespace: None,
        places: places_.Places | None = None,
    ) -> None:
        """Take the cache to fill and what asks for a pass.

        `built` is told of each change of a build's Job or pods, by namespace and order's hash;
        `refused` of each namespace in which a node may not pull an image.
        """
        self._refused = refused
        self._places = places or places_.Places()
        self._built = built
        self._cache = cache
        self._wake = wake
        self._clock = clock

    def event(self, kind: str, type_: str | None, body: Body) -> None:
        """Take a watch event; type None is an object of the first listing or of a relist."""
        gone = type_ == "DELETED"
        if kind == Kind.TRAINING_JOB:
            self._training_job(observe.training_job(body, now=self._clock()), gone, type_)
        elif kind == Kind.JOB:
            self._job(observe.job(body), gone)
        elif kind == Kind.NODE:
            self._places.node(body, gone=gone)
        elif kind == Kind.CLASS:
            self._places.class_(body, gone=gone)
        elif kind == Kind.WORKLOAD:
            self._queue(observe.queue(body), gone)
        else:
            self._pod(observe.pod(body), gone)

    def gone(self, kind: str, uid: observed.Uid) -> None:
        """Take the loss of an object that no watch event told of."""
        if kind == Kind.TRAINING_JOB:
            lost = [each for each in self._cache.jobs() if each.uid == uid]
            for job in lost:
                self._cache.drop_job(job.key, uid)
        elif kind == Kind.JOB:
            for workload in [each for each in self._cache.workloads() if each.uid == uid]:
                self._job(workload, gone=True)
        elif kind == Kind.NODE:
            self._places.gone("nodes", uid)
        elif kind == Kind.CLASS:
            self._places.gone("classes", uid)
        elif kind == Kind.WORKLOAD:
            for view in [each for each in self._cache.queues.all() if each.uid == uid]:
                self._queue(view, gone=True)
        elif (pod := self._cache.pod(uid)) is not None:
            self._pod(pod, gone=True)

    def _training_job(self, view: observed.TrainingJobView, gone: bool, type_: str | None) -> None:
        if gone:
            self._cache.drop_job(view.key, view.uid)
            return
        # Our own status writes come back as events too: a pass for them would find nothing.
        if self._cache.put_job(view):
            self._wake(view.key, LOW if type_ is None else HIGH)
        elif type_ is None:
            self._wake(view.key, LOW)

    def _job(self, view: observed.JobView, gone: bool) -> None:
        if not view.training_job and not view.build:
            return
        if gone:
            self._cache.drop_workload(view)
        else:
            self._cache.put_workload(view)
        if view.build:
            self._built(view.namespace, view.build)
            return
        self._wake(observed.JobKey(view.namespace, view.training_job), LOW)

    def _queue(self, view: observed.QueueView, gone: bool) -> None:
        if gone:
            self._cache.queues.drop(view.uid)
        else:
            self._cache.queues.put(view)
        key = queues.key(view)
        if key is not None and self._cache.job(key) is not None:
            self._wake(key, LOW)

    def _pod(self, view: observed.PodView, gone: bool) -> None:
        if not view.training_job and not view.build:
            return
        self._places.pod(view, gone=gone)
        if gone:
            self._cache.drop_pod(view)
        else:
            self._cache.put_pod(view)
            if healing.lacks_rights(view):
                self._refused(view.namespace)
        if view.build:
            self._built(view.namespace, view.build)
            return
        self._wake(observed.JobKey(view.namespace, view.training_job), LOW)
