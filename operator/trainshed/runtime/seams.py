"""What the reconciler needs of the outside, as protocols: tests hand in fakes through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from trainshed.core import observed, plan

Body = Mapping[str, Any]


class Writer(Protocol):
    """Reads and writes of the API server that a pass may make."""

    async def create_job(self, manifest: plan.Manifest) -> Body:
        """Create a Job; raises AlreadyExists, Forbidden, Invalid, Unavailable."""

    async def create_beside(self, manifest: plan.Manifest) -> Body:
        """Create what a Job's pods need beside it: its Service, or what they claim.

        Raises AlreadyExists, Forbidden, Invalid, Unavailable, NotFound where it is not served.
        """

    async def read_beside(self, manifest: plan.Manifest) -> Body:
        """Return what is there in place of what was to be created; raises NotFound."""

    async def read_job(self, namespace: str, name: str) -> Body:
        """Return a Job; raises NotFound."""

    async def delete_job(self, namespace: str, target: plan.Delete) -> None:
        """Delete a Job if its uid is still the same; one that is gone is no error."""

    async def patch_status(
        self, key: observed.JobKey, patch: Body, *, resource_version: str
    ) -> Body:
        """Patch the status of a TrainingJob; raises Conflict, NotFound."""

    async def newest_event(self, namespace: str, target: plan.Inquiry) -> Body | None:
        """Return the newest event of an object that an inquiry is about."""

    async def namespace(self, name: str) -> Body:
        """Return a Namespace; raises NotFound, Forbidden."""

    async def config_map(self, namespace: str, name: str) -> Body:
        """Return a ConfigMap; raises NotFound."""


class Recorder(Protocol):
    """Takes Kubernetes events; never blocks."""

    def record(self, job: observed.TrainingJobView, notice: plan.Notice) -> None:
        """Record an event for a TrainingJob."""
