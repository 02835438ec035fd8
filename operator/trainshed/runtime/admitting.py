"""Creates Jobs in namespaces that were made ready for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from trainshed.core import plan
from trainshed.kube import client as clients
from trainshed.kube import objects

Prepare = Callable[[str], Awaitable[None]]
"""Makes a namespace ready; raises what the API server refuses by."""


class Objects(objects.Objects):
    """Implements `runtime.seams.Writer`: whichever Job it is, its pods can pull their images."""

    def __init__(self, client: clients.Client, prepare: Prepare) -> None:
        """Send everything through one client; `prepare` is awaited before each Job."""
        super().__init__(client)
        self._prepare = prepare

    async def create_job(self, manifest: plan.Manifest) -> objects.Body:
        """Create a Job; raises AlreadyExists, Forbidden, Invalid, Unavailable."""
        await self._prepare(str(manifest["metadata"]["namespace"]))
        return await super().create_job(manifest)
