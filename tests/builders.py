"""Builders of what tests hand in, in plain words: bodies of the API server, views, observations.

    training_job().pytorch().cnn().epochs(3).build()      # the body of a TrainingJob
    pod().on_node().exited(1, "boom").view()              # the view of its pod

Times are seconds after `T0`; every object belongs to TrainingJob `default/gestures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from tests import bodies, children
from trainshed.api import labels
from trainshed.core import observe, observed

Body = bodies.Body
JobBuilder = children.JobBuilder
PodBuilder = children.PodBuilder
QueueBuilder = children.QueueBuilder

T0, at, account_document = bodies.T0, bodies.at, bodies.account_document
NAMESPACE, NAME, UID = bodies.NAMESPACE, bodies.NAME, bodies.UID
WORKLOAD_UID, POD_UID = bodies.WORKLOAD_UID, bodies.POD_UID
BASE, TENSORFLOW_BASE, IMAGE = bodies.BASE, bodies.TENSORFLOW_BASE, bodies.IMAGE


class TrainingJobBuilder(bodies.Builder):
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

    def queued(self, queue: str = "team-a", **labels_: str) -> Self:
        """Have it wait in a queue of Kueue."""
        self._meta["labels"] = {labels.QUEUE: queue, **labels_}
        return self

    def status(self, status: Mapping[str, Any]) -> Self:
        """Set the stored status."""
        self._body["status"] = dict(status)
        return self

    def view(self, *, now: float = 0.0) -> observed.TrainingJobView:
        """Return the view, first seen at `now`."""
        return observe.training_job(self.build(), now=T0 + now)


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


def queue() -> QueueBuilder:
    """Begin Kueue's Workload of the child Job."""
    body = _child(f"job-{NAME}-1-1a2b3", "workload-of-kueue", WORKLOAD_UID)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": f"{NAME}-1", "uid": WORKLOAD_UID}
    body["metadata"] |= {"labels": {labels.QUEUED_JOB: WORKLOAD_UID}, "ownerReferences": [owner]}
    return QueueBuilder(body)


def pod() -> PodBuilder:
    """Begin the trainer's pod, pending."""
    return PodBuilder(_child(f"{NAME}-1-0-abcde", POD_UID, WORKLOAD_UID)).phase("Pending")


def observation(
    job_: TrainingJobBuilder | observed.TrainingJobView | None = None,
    *,
    workload: JobBuilder | None = None,
    pods: Sequence[PodBuilder] = (),
    queue: QueueBuilder | None = None,
    **facts: Any,
) -> observed.Observation:
    """Return an observation; without a TrainingJob it is of a built-in CNN."""
    found = job_ if job_ is not None else training_job().cnn()
    return observed.Observation(
        job=found.view() if isinstance(found, TrainingJobBuilder) else found,
        workload=workload.view() if workload is not None else None,
        pods=tuple(each.view() for each in pods),
        queue=queue.view() if queue is not None else None,
        **facts,
    )
