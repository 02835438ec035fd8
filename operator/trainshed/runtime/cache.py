"""What this process knows of the cluster: views by key, and what it learned while acting.

The watch fills it; the reconciler writes through what the API server returned to it, so that
the next pass sees its own writes. Nothing here does I/O. Everything can be rebuilt from the
API server: after a restart it is empty, and no decision may be wrong for that.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TypeVar

from trainshed.core import observed, offenders, reports
from trainshed.runtime import departed, versions
from trainshed.runtime import places as places_
from trainshed.runtime import queues as queues_

Key = observed.JobKey
Uid = observed.Uid
T = TypeVar("T")
REMEMBERED = 8192
"""How many objects that are gone are remembered: writes end within a minute of them."""


class Cache:
    """Views of TrainingJobs, Jobs and pods, and the facts about each job's present pass."""

    def __init__(self, places: places_.Places | None = None) -> None:
        """Begin empty; `places`: what is known of nodes."""
        self.places = places or places_.Places()
        self.queues = queues_.Queues()
        self.offenders = offenders.Offenders()
        self._gone: OrderedDict[Uid, None] = OrderedDict()
        """Uids that the watch has told are gone: an answer to a write may still bring one."""
        self._tell: list[Callable[[Key], None]] = []
        self._jobs: dict[Key, observed.TrainingJobView] = {}
        self._workloads: dict[Key, dict[str, observed.JobView]] = {}
        self._pods: dict[Key, dict[Uid, observed.PodView]] = {}
        self._pod_keys: dict[Uid, Key] = {}
        self._departed = departed.Departed()
        self._progress: dict[Uid, dict[int | None, reports.Progress]] = {}
        """Last pushes, by the fold of a cross-validation; None: the whole job's."""
        self._builds: dict[Uid, observed.BuildView] = {}
        self._holders: dict[Uid, observed.NameHolder] = {}
        self._rejections: dict[Uid, observed.Refusal] = {}
        self._warnings: dict[Uid, observed.Refusal] = {}
        self._scalings: dict[Uid, observed.Scaling] = {}
        self._failures: dict[Uid, reports.Failure] = {}

    def on_forget(self, tell: Callable[[Key], None]) -> None:
        """Have `tell` called with the key of each TrainingJob that is forgotten."""
        self._tell.append(tell)

    def job(self, key: Key) -> observed.TrainingJobView | None:
        """Return the TrainingJob of this key."""
        return self._jobs.get(key)

    def jobs(self) -> Iterator[observed.TrainingJobView]:
        """Iterate over all TrainingJobs."""
        return iter(tuple(self._jobs.values()))

    def put_job(self, view: observed.TrainingJobView, *, answer: bool = False) -> bool:
        """Store a TrainingJob; return whether anything but its status is new.

        `answer`: it is the answer to a write of ours, which may come after the watch has told
        that the object is gone.
        """
        known = self._jobs.get(view.key)
        if answer and view.uid in self._gone:
            return False
        if known is not None and versions.older(view.resource_version, known.resource_version):
            return False
        if known is not None and known.uid == view.uid:
            view = dataclasses.replace(view, first_seen=known.first_seen)
        elif known is not None:
            self._forget(known.uid)
        self._jobs[view.key] = view
        self.offenders.put(view)
        return (
            known is None
            or known.uid != view.uid
            or known.generation != view.generation
            or known.deleting != view.deleting
        )

    def drop_job(self, key: Key, uid: Uid) -> None:
        """Forget a TrainingJob that is gone."""
        self._bury(uid)
        known = self._jobs.get(key)
        if known is not None and known.uid == uid:
            del self._jobs[key]
            self._forget(uid)
            for tell in self._tell:
                tell(key)

    def _bury(self, uid: Uid) -> None:
        self._gone[uid] = None
        while len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def _forget(self, uid: Uid) -> None:
        for facts in (self._progress, self._builds, self._holders, self._rejections):
            facts.pop(uid, None)
        for told in (self._warnings, self._scalings, self._failures):
            told.pop(uid, None)
        self.offenders.drop(uid)

    # Jobs and pods

    def put_workload(self, view: observed.JobView, *, answer: bool = False) -> None:
        """Store a Job of ours, unless a newer view of it is known."""
        if answer and view.uid in self._gone:
            return
        held = self._workloads.setdefault(Key(view.namespace, view.training_job), {})
        known = held.get(view.name)
        same = known is not None and known.uid == view.uid
        if (
            same
            and known is not None
            and versions.older(view.resource_version, known.resource_version)
        ):
            return
        held[view.name] = view
        if view.owner_uid is not None and (view.suspended or (known and known.suspended)):
            # Those whose failure was heard were told to go.
            self._failures.pop(view.owner_uid, None)

    def drop_workload(self, view: observed.JobView) -> None:
        """Forget a Job that is gone, and whatever was said of its name."""
        self._bury(view.uid)
        self._departed.forget(view.uid)
        key = Key(view.namespace, view.training_job)
        held = self._workloads.get(key, {})
        known = held.get(view.name)
        if known is not None and known.uid == view.uid:
            del held[view.name]
        if not held:
            self._workloads.pop(key, None)
        job = self._jobs.get(key)
        if job is not None:
            self._holders.pop(job.uid, None)
            self._rejections.pop(job.uid, None)

    def workloads(self) -> Iterator[observed.JobView]:
        """Iterate over all Jobs of ours."""
        return (each for held in tuple(self._workloads.values()) for each in tuple(held.values()))

    def builds(self, namespace: str, order: str) -> tuple[observed.JobView, ...]:
        """Return the Jobs of a namespace that build an order: they are no TrainingJob's."""
        held = self._workloads.get(Key(namespace, ""), {})
        return tuple(each for each in held.values() if each.build == order)

    def builders(self, build: observed.JobView) -> tuple[observed.PodView, ...]:
        """Return the pods of a build's Job."""
        held = self._pods.get(Key(build.namespace, ""), {})
        return tuple(each for each in held.values() if each.owner_uid == build.uid)

    def builder(self, uid: Uid) -> observed.PodView | None:
        """Return the pod of this uid if it is of a build's Job that is known, and has not ended.

        By their labels, which whoever may create Jobs in the namespace can give to any.
        """
        pod = self.pod(uid)
        if pod is None or not pod.build or pod.phase in ("Succeeded", "Failed"):
            return None
        owners = {each.uid for each in self.builds(pod.namespace, pod.build)}
        return pod if pod.owner_uid in owners else None

    def put_pod(self, view: observed.PodView) -> None:
        """Store a pod of ours, unless a newer view of it is known."""
        key = Key(view.namespace, view.training_job)
        known = self._pods.get(key, {}).get(view.uid)
        if known is not None and versions.older(view.resource_version, known.resource_version):
            return
        self._pods.setdefault(key, {})[view.uid] = view
        self._pod_keys[view.uid] = key

    def drop_pod(self, view: observed.PodView) -> None:
        """Forget a pod that is gone, but for the end of one whose Job is there."""
        key = Key(view.namespace, view.training_job)
        owners = {each.uid for each in self._workloads.get(key, {}).values()}
        if view.training_job and view.owner_uid in owners:
            self._departed.keep(view)
        held = self._pods.get(key, {})
        held.pop(view.uid, None)
        if not held:
            self._pods.pop(key, None)
        self._pod_keys.pop(view.uid, None)

    def pods(self, key: Key) -> tuple[observed.PodView, ...]:
        """Return the pods of a TrainingJob."""
        return tuple(self._pods.get(key, {}).values())

    def all_pods(self) -> Iterator[observed.PodView]:
        """Iterate over all pods of ours."""
        return (each for held in tuple(self._pods.values()) for each in tuple(held.values()))

    def pod(self, uid: Uid) -> observed.PodView | None:
        """Return the pod of this uid."""
        key = self._pod_keys.get(uid)
        return self._pods.get(key, {}).get(uid) if key is not None else None

    def speaker(self, uid: Uid) -> observed.PodView | None:
        """Return the pod of this uid if it is of the Job that the present TrainingJob owns.

        A pod that merely carries a job's label, or is left of an earlier job of the same name,
        may not speak for it.
        """
        key = self._pod_keys.get(uid)
        job = self._jobs.get(key) if key is not None else None
        pod = self.pod(uid)
        if key is None or job is None or pod is None:
            return None
        owners = {
            each.uid for each in self._workloads.get(key, {}).values() if each.owner_uid == job.uid
        }
        return pod if pod.owner_uid in owners else None

    # Facts about a TrainingJob, by its uid

    def progress(self, uid: Uid, fold: int | None = None) -> reports.Progress | None:
        """Return the last push of a job, or of a fold of it."""
        return self._progress.get(uid, {}).get(fold)

    def put_progress(self, uid: Uid, value: reports.Progress) -> None:
        """Keep the last push of a job, or of a fold of it."""
        self._progress.setdefault(uid, {})[value.fold] = value

    def put_failure(self, uid: Uid, value: reports.Failure) -> None:
        """Keep the first failure that a rank of the job pushed."""
        self._failures.setdefault(uid, value)

    def build(self, uid: Uid) -> observed.BuildView | None:
        """Return what is known of the build for a job."""
        return self._builds.get(uid)

    def put_build(self, uid: Uid, value: observed.BuildView) -> None:
        """Keep what is known of the build for a job."""
        self._builds[uid] = value

    def put_holder(self, uid: Uid, value: observed.NameHolder | None) -> None:
        """Keep who holds the child's name; None for nobody."""
        _put(self._holders, uid, value)

    def rejection(self, uid: Uid) -> observed.Refusal | None:
        """Return the API server's last refusal of the child Job."""
        return self._rejections.get(uid)

    def put_rejection(self, uid: Uid, value: observed.Refusal | None) -> None:
        """Keep the API server's last refusal of the child Job; None for none."""
        _put(self._rejections, uid, value)

    def put_warning(self, uid: Uid, value: observed.Refusal | None) -> None:
        """Keep the newest Warning event of a job's Job or pod; None for none."""
        _put(self._warnings, uid, value)

    def put_scaling(self, uid: Uid, value: observed.Scaling) -> bool:
        """Keep what an autoscaler tells of a job's pod; return whether it is new."""
        new = self._scalings.get(uid) != value
        self._scalings[uid] = value
        return new

    def observe(self, key: Key) -> observed.Observation | None:
        """Return all that is known of one TrainingJob; None when there is none."""
        job = self._jobs.get(key)
        if job is None:
            return None
        held = self._workloads.get(key, {})
        mine = [each for each in held.values() if each.owner_uid == job.uid]
        workload = max(mine, key=lambda each: each.attempt, default=None)
        pushed = self._progress.get(job.uid, {})
        return observed.Observation(
            job=job,
            workload=workload if workload is None or not workload.deleting else None,
            pods=self.pods(key),
            departed=self._departed.of(workload),
            queue=self.queues.of(workload),
            build=self._builds.get(job.uid),
            holder=self._holders.get(job.uid),
            rejection=self._rejections.get(job.uid),
            warning=self._warnings.get(job.uid),
            scaling=self._scalings.get(job.uid),
            progress=pushed.get(None),
            failure=self._failures.get(job.uid),
            folds={fold: each for fold, each in pushed.items() if fold is not None},
            places=self.places.index,
            devices=self.places.usage,
            offenders=self.offenders,
        )


def _put(facts: dict[Uid, T], uid: Uid, value: T | None) -> None:
    if value is None:
        facts.pop(uid, None)
    else:
        facts[uid] = value
