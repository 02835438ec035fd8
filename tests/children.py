"""Builders of what a TrainingJob owns: its Job and its pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from tests import bodies
from trainshed.api import labels
from trainshed.core import observe, observed


class ChildBuilder(bodies.Builder):
    """A Job or a Pod: with owner, labels and conditions."""

    def condition(
        self, type_: str, status: str = "True", reason: str = "", message: str = "", at_: float = 0
    ) -> Self:
        """Set a condition."""
        held = [each for each in self._status.get("conditions", ()) if each["type"] != type_]
        fields = {"type": type_, "status": status, "reason": reason, "message": message}
        self._status["conditions"] = [*held, {**fields, "lastTransitionTime": bodies.at(at_)}]
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
        self._status.update(active=1, startTime=bodies.at(since))
        return self

    def queued(self, queue: str = "team-a", **selector: str) -> Self:
        """Put it into a queue of Kueue, which holds it; `selector`: its pods' node selector."""
        self._meta["labels"][labels.QUEUE] = queue
        if selector:
            self._body["spec"]["template"]["spec"]["nodeSelector"] = selector
        return self.suspended()

    def suspended(self, *, at_: float = 0) -> Self:
        """Let it be held."""
        self._body["spec"]["suspend"] = True
        self._status.update(active=0, startTime=None)
        return self.condition("Suspended", "True", "JobSuspended", "Job suspended", at_)

    def let_go(self, *, since: float = 2) -> Self:
        """Let it be resumed, at a moment."""
        self._body["spec"]["suspend"] = False
        return self.active(since=since).condition("Suspended", "False", "JobResumed")

    def complete(self, seconds: float) -> Self:
        """Let it have succeeded."""
        self._status.update(active=0, succeeded=1, completionTime=bodies.at(seconds))
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
        spec: bodies.Body = {"containers": [{"name": labels.TRAINER, "image": image}]}
        if volume:
            spec["volumes"] = [{"name": labels.IMAGE_VOLUME, "image": {"reference": volume}}]
        self._body["spec"]["template"] = {"spec": spec}
        return self

    def view(self) -> observed.JobView:
        """Return the view."""
        return observe.job(self.build())


class QueueBuilder(ChildBuilder):
    """Kueue's Workload of the child Job."""

    def pending(self, message: str, *, reason: str = "Pending", at_: float = 1) -> Self:
        """Let there be no quota for it."""
        return self.condition("QuotaReserved", "False", reason, message, at_)

    def reserved(self, *, at_: float = 2) -> Self:
        """Let quota be put aside for it."""
        message = "Quota reserved in ClusterQueue everyone"
        return self.condition("QuotaReserved", "True", "QuotaReserved", message, at_)

    def admitted(self, *, at_: float = 2) -> Self:
        """Let it be admitted."""
        message = "The workload is admitted"
        self.condition("Evicted", "False", "QuotaReserved", "Previously: evicted", at_)
        return self.reserved(at_=at_).condition("Admitted", "True", "Admitted", message, at_)

    def preempted(self, *, at_: float = 20) -> Self:
        """Let one of a higher priority take its quota."""
        message = "Preempted to accommodate a workload (UID: u) due to prioritization"
        self.condition("Preempted", "True", "InClusterQueue", message, at_)
        self.condition("Evicted", "True", "Preempted", message, at_)
        return self.condition("Admitted", "False", "NoReservation", "no reservation", at_)

    def deactivated(self, message: str = "The workload is deactivated") -> Self:
        """Let a person hold it."""
        self._body["spec"]["active"] = False
        return self.condition("Evicted", "True", "Deactivated", message, 20)

    def view(self) -> observed.QueueView:
        """Return the view."""
        return observe.queue(self.build())


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
            self._meta.update(name=f"{bodies.NAME}-1-{number}-abcde", uid=f"pod-uid-1-{number}")
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
        return self.phase("Running").state(running={"startedAt": bodies.at(since)})

    def exited(
        self, code: int, message: str = "", *, reason: str = "", after: float = 30, since: float = 3
    ) -> Self:
        """Let the container have ended."""
        reason = reason or ("Completed" if code == 0 else "Error")
        ended = {"exitCode": code, "reason": reason, "message": message}
        moments = {"startedAt": bodies.at(since), "finishedAt": bodies.at(after)}
        self.phase("Succeeded" if code == 0 else "Failed")
        return self.state(terminated={**ended, **moments})

    def succeeded(self, account: Mapping[str, Any] | None = None, *, after: float = 30) -> Self:
        """Let it have trained to the end and left its account."""
        return self.exited(0, json.dumps(account or bodies.account_document()), after=after)

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
