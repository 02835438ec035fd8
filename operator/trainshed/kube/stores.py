"""Objects of one kind in one namespace, with the outcomes that are no failures as None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.kube import client as clients
from trainshed.kube import errors
from trainshed.kube.kinds import Kind

Body = Mapping[str, Any]


class Store:
    """Implements `progress.stores.Store` on the API server."""

    def __init__(self, client: clients.Client, kind: Kind, namespace: str) -> None:
        """Read and write objects of `kind` in `namespace`."""
        self._client = client
        self._kind = kind
        self._namespace = namespace

    async def get(self, name: str) -> Body | None:
        """Return the object of this name; None when there is none."""
        try:
            return await self._client.get(self._kind, name=name, namespace=self._namespace)
        except errors.NotFound:
            return None

    async def create(self, body: Body) -> Body | None:
        """Create an object and return it as stored; None where the name is taken."""
        try:
            return await self._client.create(self._kind, dict(body))
        except errors.AlreadyExists:
            return None

    async def replace(self, body: Body) -> Body | None:
        """Replace the version that `body` names; None where it is no longer the newest."""
        try:
            return await self._client.replace(self._kind, dict(body))
        except (errors.Conflict, errors.NotFound):
            return None
