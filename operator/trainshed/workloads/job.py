"""The Job of one attempt, as a plain dictionary."""

from __future__ import annotations

from typing import Any, Protocol

from trainshed.api import labels, spec
from trainshed.frameworks import registry as frameworks
from trainshed.workloads import commands, environment, pod


class Owner(Protocol):
    """The TrainingJob that the Job belongs to."""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""

    @property
    def uid(self) -> str:
        """The API server's id of it."""


def render(
    found: spec.TrainingJobSpec,
    *,
    job: Owner,
    name: str,
    attempt: int,
    image: str,
    progress_url: str,
    ca_pem: str,
) -> dict[str, Any]:
    """Return the Job. The same arguments give the same object."""
    namespace, training_job = job.key
    marks = own_labels(training_job, attempt)
    variables = environment.variables(
        found,
        namespace=namespace,
        name=training_job,
        attempt=attempt,
        progress_url=progress_url,
    )
    command = commands.command(found, frameworks.FRAMEWORKS[found.framework])
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": marks,
            "ownerReferences": [_owner_reference(training_job, job.uid)],
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": _pod_metadata(
                    found, marks, environment.documents(found, namespace=namespace, ca_pem=ca_pem)
                ),
                "spec": pod.render(found, image=image, command=command, variables=variables),
            },
        },
    }


def own_labels(training_job: str, attempt: int) -> dict[str, str]:
    """Return the labels of every child object."""
    return {
        labels.APP_NAME: labels.MANAGER,
        labels.APP_COMPONENT: labels.TRAINER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.JOB: training_job,
        labels.ATTEMPT: str(attempt),
        labels.COMPONENT: labels.TRAINER,
    }


def _pod_metadata(
    found: spec.TrainingJobSpec, marks: dict[str, str], documents: dict[str, str]
) -> dict[str, Any]:
    asked = found.pod
    chosen_labels = asked.labels if asked and asked.labels else {}
    chosen_annotations = asked.annotations if asked and asked.annotations else {}
    return {
        "labels": {**chosen_labels, **marks},
        "annotations": {**chosen_annotations, **documents},
    }


def _owner_reference(training_job: str, uid: str) -> dict[str, Any]:
    return {
        "apiVersion": labels.API_VERSION,
        "kind": labels.KIND,
        "name": training_job,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
