"""What the API server says of the cluster itself: its version, and what its nodes run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib import parse

from trainshed.core import mounting
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds

TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_COLUMNS = ("Name", "Version", "Container-Runtime")
_PAGE = 500


class Cluster:
    """Implements `runtime.mounts.Cluster`."""

    def __init__(self, client: clients.Client) -> None:
        """Ask through this client."""
        self._client = client

    async def server_version(self) -> str:
        """Return the API server's version, such as v1.36.2; raises ApiError."""
        found = _document(await self._client.raw("GET", "/version"))
        return str(found.get("gitVersion"))

    async def nodes(self, selector: str) -> list[mounting.Node]:
        """Return the nodes that a label selector takes; raises ApiError.

        As a table without the objects: a node's own object is some 15 KiB, and nearly all of it is
        about the images that it has.
        """
        query = {"labelSelector": selector, "includeObject": "None", "limit": str(_PAGE)}
        found: list[mounting.Node] = []
        while True:
            path = f"{kinds.NODES.path()}?{parse.urlencode(query)}"
            table = _document(await self._client.raw("GET", path, accept=TABLE))
            found += _rows(table)
            rest = str((table.get("metadata") or {}).get("continue") or "")
            if not rest:
                return found
            query["continue"] = rest


def _rows(table: Mapping[str, Any]) -> list[mounting.Node]:
    try:
        names = [str(each["name"]) for each in table["columnDefinitions"]]
        where = [names.index(each) for each in _COLUMNS]
        return [
            mounting.Node(*(str(row["cells"][each]) for each in where))
            for row in table.get("rows") or ()
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise errors.Unavailable("the API server's table of nodes has other columns") from error


def _document(answer: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise errors.Unavailable("the API server's answer is not JSON") from error
    if not isinstance(found, Mapping):
        raise errors.Unavailable("the API server's answer is no document")
    return found
