"""A namespace of a real API server: where a test's objects lie, and how it is made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from hack import apiserver

PATH = "/api/v1/namespaces"


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test, whose pods must be restricted."""

    api: apiserver.ApiServer
    name: str

    @property
    def jobs(self) -> str:
        """Return the path of its TrainingJobs."""
        return apiserver.TRAINING_JOBS.format(namespace=self.name)

    @property
    def workloads(self) -> str:
        """Return the path of its Jobs."""
        return apiserver.JOBS.format(namespace=self.name)

    @property
    def pods(self) -> str:
        """Return the path of its pods."""
        return apiserver.PODS.format(namespace=self.name)

    def delete(self) -> None:
        """Remove it with all that is in it; it goes in its own time."""
        self.api.delete(f"{PATH}/{self.name}")


def make(api: apiserver.ApiServer, prefix: str) -> str:
    """Return the name of a new namespace whose pods must be restricted."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create(PATH, {"metadata": {"name": name, "labels": labels}})
    return name
