"""The marks of child objects: by which labels they are found, and whose they are."""

from __future__ import annotations

from typing import Any, Protocol

from trainshed.api import labels


class Owner(Protocol):
    """The TrainingJob that a child object belongs to."""

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""

    @property
    def uid(self) -> str:
        """The API server's id of it."""


def metadata(owner: Owner, *, name: str, attempt: int) -> dict[str, Any]:
    """Return the metadata of a child object."""
    namespace, training_job = owner.key
    return {
        "name": name,
        "namespace": namespace,
        "labels": marks(training_job, attempt),
        "ownerReferences": [
            {
                "apiVersion": labels.API_VERSION,
                "kind": labels.KIND,
                "name": training_job,
                "uid": owner.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def marks(training_job: str, attempt: int) -> dict[str, str]:
    """Return the labels of every child object."""
    return {
        labels.APP_NAME: labels.MANAGER,
        labels.APP_COMPONENT: labels.TRAINER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.JOB: training_job,
        labels.ATTEMPT: str(attempt),
        labels.COMPONENT: labels.TRAINER,
    }
