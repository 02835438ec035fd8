"""A `Client` over a dictionary: names, uids, resource versions and conflicts, nothing else."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.unit.core import merging
from trainshed.kube import errors
from trainshed.kube.kinds import Body, Kind
from trainshed.kube.ratelimit import Lane

Place = tuple[Kind, str | None, str]


async def _nothing(verb: str, kind: Kind | None) -> None:
    """Neither delay nor fail."""


class Store:
    """Objects by kind, namespace and name."""

    def __init__(self) -> None:
        self.objects: dict[Place, Body] = {}
        self.requests: list[str] = []
        self.lanes: list[Lane] = []
        self.before: Callable[[str, Kind | None], Awaitable[None]] = _nothing
        self.after: Callable[[str, Kind | None], Awaitable[None]] = _nothing
        self.documents: dict[str, Any] = {}
        self._versions = itertools.count(1)

    def put(self, kind: Kind, body: Body) -> Body:
        """Store an object as another client would."""
        body = merging.copied(body)
        metadata = body.setdefault("metadata", {})
        metadata["resourceVersion"] = str(next(self._versions))
        metadata.setdefault("uid", f"uid-{metadata['resourceVersion']}")
        self.objects[kind, metadata.get("namespace"), metadata["name"]] = body
        return merging.copied(body)

    def remove(self, kind: Kind, *, name: str, namespace: str | None = None) -> None:
        """Delete an object as another client would."""
        del self.objects[kind, namespace, name]

    async def get(self, kind: Kind, *, name: str, namespace: str | None = None) -> Body:
        await self._request("get", kind)
        return merging.copied(self._found(kind, namespace, name))

    async def pages(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: str = "",
        metadata_only: bool = False,
        chunk: int = 500,
    ) -> AsyncIterator[list[Body]]:
        await self._request("list", kind)
        found = [
            merging.copied(body)
            for (each, where, _), body in self.objects.items()
            if each == kind and namespace in (None, where)
        ]
        for start in range(0, max(len(found), 1), chunk):
            yield found[start : start + chunk]

    async def create(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        await self._request("create", kind, lane)
        metadata = body.get("metadata", {})
        place = (kind, metadata.get("namespace"), metadata.get("name", ""))
        if place in self.objects:
            raise errors.AlreadyExists("exists", status=409)
        stored = self.put(kind, body)
        await self.after("create", kind)
        return stored

    async def replace(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        await self._request("replace", kind, lane)
        metadata = body["metadata"]
        self._expect(kind, metadata.get("namespace"), metadata["name"], metadata)
        stored = self.put(kind, body)
        await self.after("replace", kind)
        return stored

    async def patch_merge(
        self,
        kind: Kind,
        patch: Body,
        *,
        name: str,
        namespace: str | None = None,
        subresource: str = "",
        resource_version: str | None = None,
        lane: Lane = Lane.STATUS,
    ) -> Body:
        await self._request("patch", kind, lane)
        wanted = {"resourceVersion": resource_version} if resource_version else {}
        self._expect(kind, namespace, name, wanted)
        return self.put(kind, {**self._found(kind, namespace, name), **patch})

    async def delete(
        self,
        kind: Kind,
        *,
        name: str,
        namespace: str | None = None,
        uid: str | None = None,
        propagation: str = "Background",
        lane: Lane = Lane.CREATE,
    ) -> None:
        await self._request("delete", kind, lane)
        self._expect(kind, namespace, name, {"uid": uid} if uid else {})
        self.remove(kind, name=name, namespace=namespace)

    async def raw(self, method: str, path: str, *, accept: str = "*/*") -> bytes:
        await self._request("raw", None)
        if path not in self.documents:
            raise errors.NotFound(path, status=404)
        return json.dumps(self.documents[path]).encode()

    async def _request(self, verb: str, kind: Kind | None, lane: Lane | None = None) -> None:
        self.requests.append(f"{verb} {kind.plural}" if kind is not None else verb)
        if lane is not None:
            self.lanes.append(lane)
        await self.before(verb, kind)

    def _found(self, kind: Kind, namespace: str | None, name: str) -> Body:
        try:
            return self.objects[kind, namespace, name]
        except KeyError:
            raise errors.NotFound(f"{kind.plural} {name} not found", status=404) from None

    def _expect(self, kind: Kind, namespace: str | None, name: str, wanted: Body) -> None:
        metadata = self._found(kind, namespace, name)["metadata"]
        for key in ("resourceVersion", "uid"):
            if wanted.get(key) not in (None, metadata[key]):
                raise errors.Conflict(f"{key} is {metadata[key]}", status=409)
