"""Secrets that are written and never read: no right to read them is needed, or had."""

from __future__ import annotations

from typing import Any

from trainshed.kube import client as clients
from trainshed.kube import errors, kinds
from trainshed.kube.ratelimit import Lane


class Secrets:
    """Implements `granting.logins.Secrets` on the API server."""

    def __init__(self, client: clients.Client) -> None:
        """Write through one client, which knows the write budget and the fence."""
        self._client = client

    async def put(self, body: dict[str, Any]) -> None:
        """Create a Secret, or give one that is there this data.

        Raises Forbidden, Invalid, NotFound (the namespace is going), Unavailable.
        """
        metadata = body["metadata"]
        try:
            await self._client.create(kinds.SECRETS, body)
        except errors.AlreadyExists:
            await self._client.patch_merge(
                kinds.SECRETS,
                {"type": body["type"], "data": body["data"]},
                name=metadata["name"],
                namespace=metadata["namespace"],
                lane=Lane.CREATE,
            )
