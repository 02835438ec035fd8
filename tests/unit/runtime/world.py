"""A small cluster in memory: an API server, and the controllers that move its objects.

Each write becomes a watch event of its kind; who watches takes the events when it likes. What the
cluster's own controllers may do next is a list of moves, so that a test can take them in any order.
"""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests import builders
from tests.unit.core import merging, structural
from tests.unit.runtime import fates
from trainshed.api import labels
from trainshed.core import observed, plan, times
from trainshed.kube import errors
from trainshed.runtime import intake

Body = dict[str, Any]
Kind = intake.Kind
Place = tuple[str, str]
Move = Callable[[], None]
FINAL = fates.FINAL
Fate = fates.Fate


@dataclass
class World:
    """The objects, what was done to them, and what may happen next."""

    clock: Callable[[], float]
    fate: fates.Fate
    objects: dict[Kind, dict[Place, Body]] = field(
        default_factory=lambda: {kind: {} for kind in Kind}
    )
    events: dict[Kind, deque[tuple[str, Body]]] = field(
        default_factory=lambda: {kind: deque() for kind in Kind}
    )
    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    services: dict[Place, Body] = field(default_factory=dict)
    claims: dict[Place, Body] = field(default_factory=dict)
    groups: dict[Place, Body] = field(default_factory=dict)
    """Services, claim templates and PodGroups, which nobody watches."""
    children: Counter[str] = field(default_factory=Counter)
    """Jobs that were ever created for a TrainingJob that was there, by its uid."""
    faults: list[str] = field(default_factory=list)
    succeeded: dict[str, set[int]] = field(default_factory=dict)
    """Indices whose pods have succeeded, by the uid of their Job: their pods may go."""
    _numbers: int = 0

    # What everybody does

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _now(self) -> str:
        return times.render(self.clock())

    def put(self, kind: Kind, body: Body) -> Body:
        """Store an object and tell of it."""
        place = body["metadata"]["namespace"], body["metadata"]["name"]
        type_ = "MODIFIED" if place in self.objects[kind] else "ADDED"
        body["metadata"]["resourceVersion"] = str(self._next())
        self.objects[kind][place] = body
        self.events[kind].append((type_, merging.copied(body)))
        copied: Body = merging.copied(body)
        return copied

    def remove(self, kind: Kind, place: Place) -> None:
        """Remove an object and tell of it."""
        body = self.objects[kind].pop(place)
        body["metadata"]["resourceVersion"] = str(self._next())
        self.events[kind].append(("DELETED", merging.copied(body)))

    # What a person does

    def apply(self, job: builders.TrainingJobBuilder) -> str:
        """Create a TrainingJob; return its uid."""
        body = job.build()
        uid = f"training-{self._next()}"
        body["metadata"].update(uid=uid, creationTimestamp=self._now(), generation=1)
        self.put(Kind.TRAINING_JOB, body)
        return uid

    def delete(self, name: str = builders.NAME) -> None:
        """Delete a TrainingJob."""
        self.remove(Kind.TRAINING_JOB, (builders.NAMESPACE, name))

    def status(self, name: str = builders.NAME) -> Body:
        """Return the stored status of a TrainingJob."""
        body = self.objects[Kind.TRAINING_JOB][builders.NAMESPACE, name]
        found: Body = body.get("status", {})
        return found

    # What the cluster's controllers do

    def moves(self) -> list[Move]:
        """Return what the cluster may do next."""
        return [*self._collections(), *self._job_moves(), *self._pod_moves(), *self._tidied()]

    def _uids(self, kind: Kind) -> set[str]:
        return {each["metadata"]["uid"] for each in self.objects[kind].values()}

    def _collections(self) -> Iterator[Move]:
        uids = {uid for kind in Kind for uid in self._uids(kind)}
        for kind in (Kind.JOB, Kind.POD):
            for place, body in self.objects[kind].items():
                if body["metadata"]["ownerReferences"][0]["uid"] not in uids:
                    yield lambda kind=kind, place=place: self.remove(kind, place)  # type: ignore[misc]
        for place, body in self.services.items():
            if body["metadata"]["ownerReferences"][0]["uid"] not in uids:
                yield lambda place=place: self.services.pop(place)  # type: ignore[misc]

    def _tidied(self) -> Iterator[Move]:
        """Yield the removal of pods of folds that the status has: nobody needs them any more."""
        for place, pod in self.objects[Kind.POD].items():
            owner = pod["metadata"]["labels"][labels.JOB]
            if (pod["metadata"]["namespace"], owner) not in self.objects[Kind.TRAINING_JOB]:
                continue
            known = self.status(owner).get("crossValidation", {}).get("folds", ())
            if fates.index(pod) in {each["fold"] for each in known}:
                yield lambda place=place: self.remove(Kind.POD, place)  # type: ignore[misc]

    def _job_moves(self) -> Iterator[Move]:
        for job in self.objects[Kind.JOB].values():
            pods = {fates.index(p): p for p in self.objects[Kind.POD].values() if _owned(p, job)}
            types = {each["type"] for each in job.setdefault("status", {}).get("conditions", ())}
            if not types:
                yield from self._pods_missing(job, pods)
                yield from self._judged(job, pods)
            elif len(types) == 1 and "SuccessCriteriaMet" in types:
                yield lambda job=job: self._conclude(job, "Complete")  # type: ignore[misc]
            elif len(types) == 1:
                yield from self._ended(job, pods)

    def _pods_missing(self, job: Body, pods: Mapping[int, Body]) -> Iterator[Move]:
        done = self.succeeded.get(job["metadata"]["uid"], set())
        living = [each for each in pods.values() if each["status"].get("phase") not in FINAL]
        missing = [each for each in range(job["spec"]["completions"]) if each not in pods]
        room = job["spec"]["parallelism"] - len(living)
        for index in missing if room > 0 else ():
            if index not in done:
                yield lambda job=job, index=index: self._start(job, index)  # type: ignore[misc]

    def _judged(self, job: Body, pods: Mapping[int, Body]) -> Iterator[Move]:
        done = self.succeeded.get(job["metadata"]["uid"], set())
        if any(each["status"].get("phase") == "Failed" for each in pods.values()):
            yield lambda: self._conclude(job, "FailureTarget")
        elif len(done) == job["spec"]["completions"]:
            yield lambda: self._conclude(job, "SuccessCriteriaMet")

    def _ended(self, job: Body, pods: Mapping[int, Body]) -> Iterator[Move]:
        """Yield the removal of the pods that still run; then the end."""
        going = [each for each in pods.values() if each["status"].get("phase") not in FINAL]
        for pod in going:
            place = pod["metadata"]["namespace"], pod["metadata"]["name"]
            yield lambda place=place: self.remove(Kind.POD, place)  # type: ignore[misc]
        if not going:
            yield lambda: self._conclude(job, "Failed")

    def _start(self, job: Body, index: int) -> None:
        name = job["metadata"]["name"]
        meta = {
            "namespace": job["metadata"]["namespace"],
            "name": f"{name}-{index}-{self._next()}",
            "uid": f"pod-{self._next()}",
            "creationTimestamp": self._now(),
            "labels": job["spec"]["template"]["metadata"]["labels"],
            "annotations": {labels.COMPLETION_INDEX: str(index)},
            "ownerReferences": [{"uid": job["metadata"]["uid"], "controller": True}],
        }
        self.put(Kind.POD, {"metadata": meta, "spec": {}, "status": {"phase": "Pending"}})
        active = job["status"].get("active", 0) + 1
        job["status"] |= {"active": active, "startTime": self._now()}
        self.put(Kind.JOB, job)

    def _conclude(self, job: Body, type_: str) -> None:
        held = job["status"].get("conditions", [])
        one = {"type": type_, "status": "True", "lastTransitionTime": self._now()}
        job["status"] |= {"active": 0, "conditions": [*held, one]}
        if type_ == "Complete":
            job["status"]["completionTime"] = self._now()
        self.put(Kind.JOB, job)

    def _pod_moves(self) -> Iterator[Move]:
        for pod in self.objects[Kind.POD].values():
            step = fates.step(pod, self.fate, since=self.clock() - builders.T0)
            if step is not None:
                yield lambda pod=pod, step=step: self._move_pod(pod, step)  # type: ignore[misc]

    def _move_pod(self, pod: Body, step: Callable[[builders.PodBuilder], object]) -> None:
        step(builders.PodBuilder(pod))
        if pod["status"]["phase"] == "Succeeded":
            job = pod["metadata"]["ownerReferences"][0]["uid"]
            self.succeeded.setdefault(job, set()).add(fates.index(pod))
        self.put(Kind.POD, pod)

    # What the operator does, as `runtime.seams` has it

    async def create_job(self, manifest: plan.Manifest) -> Body:
        """Create a Job."""
        self.writes["create"] += 1
        body = copy.deepcopy(dict(manifest))
        place = body["metadata"]["namespace"], body["metadata"]["name"]
        if place in self.objects[Kind.JOB]:
            raise errors.AlreadyExists(f"Job {place} exists", status=409)
        owner = body["metadata"]["ownerReferences"][0]["uid"]
        # One for an owner that has just gone is collected at once: nobody can know better.
        self.children[owner] += owner in self._uids(Kind.TRAINING_JOB)
        body["metadata"] |= {"uid": f"job-{self._next()}", "creationTimestamp": self._now()}
        return self.put(Kind.JOB, body)

    async def create_beside(self, manifest: plan.Manifest) -> Body:
        """Create a Service, or a claim template."""
        kind, known = manifest["kind"], self._beside(manifest["kind"])
        self.writes["service"] += 1
        body = copy.deepcopy(dict(manifest))
        place = body["metadata"]["namespace"], body["metadata"]["name"]
        if place in known:
            raise errors.AlreadyExists(f"{kind} {place} exists", status=409)
        body["metadata"] |= {"uid": f"beside-{self._next()}", "creationTimestamp": self._now()}
        known[place] = body
        copied: Body = merging.copied(body)
        return copied

    async def read_beside(self, manifest: plan.Manifest) -> Body:
        """Return a Service, or a claim template."""
        self.reads["service"] += 1
        kind, known = manifest["kind"], self._beside(manifest["kind"])
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        if (namespace, name) not in known:
            raise errors.NotFound(f"{kind} {name} does not exist", status=404)
        copied: Body = merging.copied(known[namespace, name])
        return copied

    def _beside(self, kind: str) -> dict[Place, Body]:
        found = {"Service": self.services, "ResourceClaimTemplate": self.claims}
        return {**found, "PodGroup": self.groups}[kind]

    async def read_job(self, namespace: str, name: str) -> Body:
        """Return a Job."""
        self.reads["job"] += 1
        if (namespace, name) not in self.objects[Kind.JOB]:
            raise errors.NotFound(f"Job {name} does not exist", status=404)
        copied: Body = merging.copied(self.objects[Kind.JOB][namespace, name])
        return copied

    async def delete_job(self, namespace: str, target: plan.Delete) -> None:
        """Delete a Job."""
        self.writes["delete"] += 1
        found = self.objects[Kind.JOB].get((namespace, target.name))
        if found is not None and found["metadata"]["uid"] == target.uid:
            self.remove(Kind.JOB, (namespace, target.name))

    async def patch_status(
        self, key: observed.JobKey, patch: Mapping[str, Any], *, resource_version: str
    ) -> Body:
        """Patch the status of a TrainingJob."""
        self.writes["status"] += 1
        body = self.objects[Kind.TRAINING_JOB].get((key.namespace, key.name))
        if body is None:
            raise errors.NotFound(f"TrainingJob {key.name} does not exist", status=404)
        if body["metadata"]["resourceVersion"] != resource_version:
            raise errors.Conflict("the object has been modified", status=409)
        before = body.get("status", {})
        body["status"] = merging.apply(before, patch)
        self.faults += structural.faults(body["status"], structural.STATUS)
        if before.get("phase") in FINAL and before != body["status"]:
            self.faults.append(f"a finished status became {body['status']}")
        return self.put(Kind.TRAINING_JOB, body)

    async def newest_event(self, namespace: str, target: plan.Inquiry) -> Body | None:
        """Return no event: nobody warns of anything here."""
        self.reads["events"] += 1
        return None

    async def config_map(self, namespace: str, name: str) -> Body:
        """Return the code."""
        self.reads["config map"] += 1
        return {"data": {"train.py": "print('hello')"}}

    def record(self, job: observed.TrainingJobView, notice: plan.Notice) -> None:
        """Record an event for a TrainingJob."""
        self.writes["event"] += 1


def _owned(pod: Body, job: Body) -> bool:
    owner: str = pod["metadata"]["ownerReferences"][0]["uid"]
    return owner == str(job["metadata"]["uid"])
