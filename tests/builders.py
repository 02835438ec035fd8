"""Builders of what tests hand in, in plain words: bodies of the API server, views, observations.

    training_job().pytorch().cnn().epochs(3).build()      # the body of a TrainingJob
    pod().on_node().exited(1, "boom").view()              # the view of its pod

Times are seconds after `T0`; every object belongs to TrainingJob `default/gestures`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from trainshed.api import labels
from trainshed.core import observe, observed, times

Body = dict[str, Any]

T0 = 1_790_000_000.0
NAMESPACE, NAME, UID = "default", "gestures", "uid-1"
WORKLOAD_UID, POD_UID = "job-uid-1", "pod-uid-1"
BASE = "registry.example/trainshed/pytorch@sha256:" + "b" * 64
TENSORFLOW_BASE = "registry.example/trainshed/tensorflow@sha256:" + "c" * 64
IMAGE = "registry.example/trainshed/default@sha256:" + "a" * 64


def at(seconds: float) -> str:
    """Return the API server's timestamp of a moment."""
    return times.render(T0 + seconds)


class Builder:
    """Collects a body; every word returns the builder itself."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._meta: Body = body["metadata"]

    @property
    def _status(self) -> Body:
        status: Body = self._body.setdefault("status", {})
        return status

    def version(self, number: int) -> Self:
        """Set the resourceVersion."""
        self._meta["resourceVersion"] = str(number)
        return self

    def deleting(self) -> Self:
        """Mark it as being deleted."""
        self._meta["deletionTimestamp"] = at(60)
        return self

    def created(self, seconds: float) -> Self:
        """Set the creation."""
        self._meta["creationTimestamp"] = at(seconds)
        return self

    def build(self) -> Body:
        """Return the body."""
        return copy.deepcopy(self._body)


class TrainingJobBuilder(Builder):
    """A TrainingJob."""

    def pytorch(self) -> Self:
        """Use PyTorch."""
        return self.spec(framework="pytorch")

    def tensorflow(self) -> Self:
        """Use TensorFlow."""
        return self.spec(framework="tensorflow")

    def custom(self) -> Self:
        """Use a library that nothing here knows."""
        return self.spec(framework="custom")

    def spec(self, **fields: Any) -> Self:
        """Set fields of the spec by their camelCase names; None removes one."""
        spec: Body = self._body["spec"]
        spec.update(fields)
        self._body["spec"] = {name: value for name, value in spec.items() if value is not None}
        return self

    def cnn(self, **params: Any) -> Self:
        """Train the built-in CNN on the digits."""
        model = {"name": "cnn", "params": params} if params else {"name": "cnn"}
        return self.spec(model=model, data={"name": "digits"})

    def model(self, name: str, **params: Any) -> Self:
        """Train a built-in model on digits that stand still, or that move."""
        data = {"name": "moving-digits" if name in ("lstm", "cnn-lstm") else "digits"}
        model = {"name": name, "params": params} if params else {"name": name}
        return self.spec(model=model, data=data)

    def data(self, **data: Any) -> Self:
        """Train a built-in model on this data: the CNN on images, a recurrent one on clips."""
        clips = data.get("name") == "moving-digits" or "videos" in str(data)
        return self.model("cnn-lstm" if clips else "cnn").spec(data=data)

    def replicas(self, number: int, *, processes: int | None = None) -> Self:
        """Train in so many pods, of so many processes each."""
        return self.spec(replicas=number, processesPerReplica=processes)

    def folds(self, number: int, *, parallelism: int | None = None) -> Self:
        """Train so many folds of a cross-validation, so many at a time."""
        asked = {"folds": number}
        if parallelism is not None:
            asked["parallelism"] = parallelism
        return self.spec(evaluation={"crossValidation": asked})

    def epochs(self, number: int) -> Self:
        """Train for so many epochs."""
        return self.training(epochs=number)

    def training(self, **fields: Any) -> Self:
        """Set fields of spec.training."""
        return self.spec(training={**self._body["spec"].get("training", {}), **fields})

    def script(self, text: str = "print('hello')", *, file: str = "train.py") -> Self:
        """Run one inline file."""
        return self.inline({file: text}, "python", file)

    def inline(self, files: Mapping[str, str], *entrypoint: str) -> Self:
        """Run inline files."""
        return self._source({"inline": {"files": dict(files)}}, entrypoint)

    def _source(self, source: Body, entrypoint: Sequence[str]) -> Self:
        if entrypoint:
            source["entrypoint"] = list(entrypoint)
        return self.spec(source=source, model=None, data=None)

    def config_map(self, name: str = "code", *entrypoint: str) -> Self:
        """Run the files of a ConfigMap."""
        return self._source({"configMap": {"name": name}}, entrypoint)

    def git(self, url: str, **fields: Any) -> Self:
        """Run the code of a git repository."""
        return self._source({"git": {"url": url, **fields}}, ())

    def command(self, *words: str, image: str = "registry.example/own:1") -> Self:
        """Run a command of a ready image."""
        return self.spec(command=list(words), image={"ref": image}, model=None, data=None)

    def named(self, name: str, *, namespace: str = NAMESPACE, uid: str = UID) -> Self:
        """Set name, namespace and uid."""
        self._meta.update(name=name, namespace=namespace, uid=uid)
        return self

    def status(self, status: Mapping[str, Any]) -> Self:
        """Set the stored status."""
        self._body["status"] = dict(status)
        return self

    def view(self, *, now: float = 0.0) -> observed.TrainingJobView:
        """Return the view, first seen at `now`."""
        return observe.training_job(self.build(), now=T0 + now)


class ChildBuilder(Builder):
    """A Job or a Pod: with owner, labels and conditions."""

    def condition(
        self, type_: str, status: str = "True", reason: str = "", message: str = "", at_: float = 0
    ) -> Self:
        """Set a condition."""
        held = [each for each in self._status.get("conditions", ()) if each["type"] != type_]
        fields = {"type": type_, "status": status, "reason": reason, "message": message}
        self._status["conditions"] = [*held, {**fields, "lastTransitionTime": at(at_)}]
        return self

    def owned_by(self, uid: str | None) -> Self:
        """Set the controller's uid; None for no owner."""
        owner = {"apiVersion": "x/v1", "kind": "X", "name": "x", "uid": uid, "controller": True}
        self._meta["ownerReferences"] = [owner] if uid else []
        return self


class JobBuilder(ChildBuilder):
    """The child Job."""

    def active(self, *, since: float = 1) -> Self:
        """Let its pod go on."""
        self._status.update(active=1, startTime=at(since))
        return self

    def complete(self, seconds: float) -> Self:
        """Let it have succeeded."""
        self._status.update(active=0, succeeded=1, completionTime=at(seconds))
        self.condition("SuccessCriteriaMet", at_=seconds)
        return self.condition("Complete", at_=seconds)

    def failed(self, seconds: float, message: str = "Job has reached its backoff limit") -> Self:
        """Let it have failed for good."""
        self._status.update(active=0, failed=1)
        self.condition("FailureTarget", "True", "BackoffLimitExceeded", message, seconds)
        return self.condition("Failed", "True", "BackoffLimitExceeded", message, seconds)

    def failing(self, seconds: float) -> Self:
        """Let it have failed, with its pod still terminating."""
        self._status.update(active=0, failed=1, terminating=1)
        return self.condition("FailureTarget", "True", "BackoffLimitExceeded", "", seconds)

    def replicas(self, number: int) -> Self:
        """Let it be of so many pods."""
        self._body["spec"]["completions"] = number
        return self

    def folds(self, number: int, *, parallelism: int = 1) -> Self:
        """Let its pods be so many folds, so many at a time."""
        self._meta["labels"][labels.FOLDS] = str(number)
        self._body["spec"]["parallelism"] = parallelism
        return self.replicas(number)

    def running_image(self, image: str, *, volume: str = "") -> Self:
        """Set the trainer container's image, and the one that is mounted into it."""
        spec: Body = {"containers": [{"name": labels.TRAINER, "image": image}]}
        if volume:
            spec["volumes"] = [{"name": labels.IMAGE_VOLUME, "image": {"reference": volume}}]
        self._body["spec"]["template"] = {"spec": spec}
        return self

    def view(self) -> observed.JobView:
        """Return the view."""
        return observe.job(self.build())


class PodBuilder(ChildBuilder):
    """The trainer's pod."""

    def phase(self, phase: str, reason: str = "", message: str = "") -> Self:
        """Set the phase, and the kubelet's or the controller's verdict on the whole pod."""
        self._status.update(phase=phase, reason=reason, message=message)
        return self

    def index(self, number: int) -> Self:
        """Let it be the pod of an index, with a name and a uid of its own."""
        self._meta["annotations"] = {labels.COMPLETION_INDEX: str(number)}
        if number:
            self._meta.update(name=f"{NAME}-1-{number}-abcde", uid=f"pod-uid-1-{number}")
        return self

    def fold(self, number: int) -> Self:
        """Let it be the pod of a fold."""
        self._meta["labels"][labels.FOLDS] = "3"
        return self.index(number)

    def unschedulable(self, message: str = "0/1 nodes are available: 1 Insufficient cpu.") -> Self:
        """Let the scheduler find no node."""
        return self.condition("PodScheduled", "False", "Unschedulable", message, 2)

    def on_node(self, node: str = "node-1", *, since: float = 2) -> Self:
        """Put it on a node."""
        self._body["spec"]["nodeName"] = node
        return self.condition("PodScheduled", at_=since)

    def state(self, **state: Any) -> Self:
        """Set the trainer container's state."""
        self._status["containerStatuses"] = [{"name": labels.TRAINER, "state": state}]
        return self

    def waiting(self, reason: str = "ContainerCreating", message: str = "") -> Self:
        """Let the container wait."""
        return self.state(waiting={"reason": reason, "message": message})

    def pull_failed(self, reason: str = "ErrImagePull", message: str = "i/o timeout") -> Self:
        """Let the image be one that can't be pulled."""
        return self.waiting(reason, message)

    def running(self, *, since: float = 3) -> Self:
        """Let the container run."""
        return self.phase("Running").state(running={"startedAt": at(since)})

    def exited(
        self, code: int, message: str = "", *, reason: str = "", after: float = 30, since: float = 3
    ) -> Self:
        """Let the container have ended."""
        reason = reason or ("Completed" if code == 0 else "Error")
        ended = {"exitCode": code, "reason": reason, "message": message}
        moments = {"startedAt": at(since), "finishedAt": at(after)}
        self.phase("Succeeded" if code == 0 else "Failed")
        return self.state(terminated={**ended, **moments})

    def succeeded(self, account: Mapping[str, Any] | None = None, *, after: float = 30) -> Self:
        """Let it have trained to the end and left its account."""
        return self.exited(0, json.dumps(account or account_document()), after=after)

    def oom_killed(self) -> Self:
        """Let the kernel have killed it for memory."""
        return self.exited(137, reason="OOMKilled")

    def evicted(self, message: str = "The node was low on resource: memory.") -> Self:
        """Let the kubelet have evicted it."""
        self.phase("Failed", "Evicted", message)
        return self.condition("DisruptionTarget", "True", "TerminationByKubelet", message, 20)

    def node_lost(self) -> Self:
        """Let its node have gone away."""
        message = "PodGC: node no longer exists"
        self.phase("Failed")
        return self.condition("DisruptionTarget", "True", "DeletionByPodGC", message, 20)

    def view(self) -> observed.PodView:
        """Return the view."""
        return observe.pod(self.build())


def training_job() -> TrainingJobBuilder:
    """Begin a TrainingJob."""
    meta = {"namespace": NAMESPACE, "name": NAME, "uid": UID, "resourceVersion": "1"}
    times_ = {"generation": 1, "creationTimestamp": at(0)}
    body = {"apiVersion": labels.API_VERSION, "kind": labels.KIND, "metadata": {**meta, **times_}}
    return TrainingJobBuilder({**body, "spec": {}}).pytorch()


def _child(name: str, uid: str, owner: str) -> Body:
    marks = {labels.JOB: NAME, labels.ATTEMPT: "1", labels.MANAGED_BY: labels.MANAGER}
    meta = {"namespace": NAMESPACE, "name": name, "uid": uid, "labels": marks}
    owners = [{"kind": "X", "name": "x", "uid": owner, "controller": True}]
    moments = {"resourceVersion": "1", "creationTimestamp": at(1), "ownerReferences": owners}
    return {"metadata": {**meta, **moments}, "spec": {}, "status": {}}


def job() -> JobBuilder:
    """Begin the child Job."""
    return JobBuilder(_child(f"{NAME}-1", WORKLOAD_UID, UID)).running_image(IMAGE)


def pod() -> PodBuilder:
    """Begin the trainer's pod, pending."""
    return PodBuilder(_child(f"{NAME}-1-0-abcde", POD_UID, WORKLOAD_UID)).phase("Pending")


def account_document(**fields: Any) -> Body:
    """Return the final account of a run of 100 steps, as its termination message has it."""
    figures = {"steps": 100, "epochs": 5, "samples": 6400, "loss": 0.1}
    speed = {"trainingSeconds": 8.0, "samplesPerSecond": 800.0, "metrics": {"accuracy": 0.97}}
    moments = {"startTime": T0 + 3, "firstStepTime": T0 + 5, "endTime": T0 + 29}
    ended = {"v": 1, "outcome": "succeeded", "exitCode": 0}
    return {**ended, **figures, **speed, **moments, **fields}


def observation(
    job_: TrainingJobBuilder | observed.TrainingJobView | None = None,
    *,
    workload: JobBuilder | None = None,
    pods: Sequence[PodBuilder] = (),
    **facts: Any,
) -> observed.Observation:
    """Return an observation; without a TrainingJob it is of a built-in CNN."""
    found = job_ if job_ is not None else training_job().cnn()
    return observed.Observation(
        job=found.view() if isinstance(found, TrainingJobBuilder) else found,
        workload=workload.view() if workload is not None else None,
        pods=tuple(each.view() for each in pods),
        **facts,
    )
