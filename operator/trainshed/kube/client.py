"""The verbs of the API server over JSON bodies: get, list, create, delete, patch, replace.

Each write asks first whether this process may write (it leads) and then for its turn. Knows no
kind in particular. `Client` is the seam for fakes; `ApiClient` is the real one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol, cast

from trainshed.kube import errors, ratelimit, transport
from trainshed.kube.kinds import Body, Kind
from trainshed.kube.ratelimit import Lane

METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
CHUNK = 500
LIST_ATTEMPTS = 3
STRICT = {"fieldValidation": "Strict"}


class Client(Protocol):
    """What the rest of the operator asks of the API server."""

    async def get(self, kind: Kind, *, name: str, namespace: str | None = None) -> Body:
        """Return one object."""

    def pages(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: str = "",
        metadata_only: bool = False,
        chunk: int = CHUNK,
    ) -> AsyncIterator[list[Body]]:
        """Yield the objects in chunks, so that the whole list never is in memory."""

    async def create(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        """POST an object into its own namespace and return it as stored."""

    async def replace(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        """PUT an object; its metadata.resourceVersion is the precondition."""

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
        """Merge a patch; with `resource_version` only into that version (else Conflict)."""

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
        """Delete an object; with `uid` only that very one (else Conflict)."""

    async def raw(self, method: str, path: str, *, accept: str = "*/*") -> bytes:
        """Read a path that is no object, such as the cluster's token keys."""


class ApiClient:
    """`Client` over one transport."""

    def __init__(
        self,
        transport_: transport.Transport,
        *,
        limiter: ratelimit.Limiter | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._transport = transport_
        self._limiter = limiter
        self._may_write = may_write

    async def get(self, kind: Kind, *, name: str, namespace: str | None = None) -> Body:
        """Return one object."""
        path = kind.path(namespace=namespace, name=name)
        return _parsed(await self._transport.send("GET", path, verb="get"))

    async def pages(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        labels: str = "",
        metadata_only: bool = False,
        chunk: int = CHUNK,
    ) -> AsyncIterator[list[Body]]:
        """Yield the objects in chunks. Raises Expired where the list outlived its version."""
        query = {"limit": str(chunk)}
        if labels:
            query["labelSelector"] = labels
        while True:
            answer = await self._page(kind, namespace, query, metadata_only=metadata_only)
            rest = answer["metadata"].get("continue", "")
            yield answer.pop("items", None) or []
            if not rest:
                return
            query["continue"] = rest

    async def _page(
        self, kind: Kind, namespace: str | None, query: Mapping[str, str], *, metadata_only: bool
    ) -> Body:
        answer = await self._transport.send(
            "GET",
            kind.path(namespace=namespace),
            verb="list",
            query=query,
            accept=METADATA_LIST if metadata_only else transport.JSON,
        )
        return _parsed(answer)

    async def create(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        """POST an object into its own namespace and return it as stored.

        Raises Invalid where a field is unknown: the default is to drop it without a word.
        """
        path = kind.path(namespace=body.get("metadata", {}).get("namespace"))
        answer = await self._write("POST", path, verb="create", lane=lane, body=body, query=STRICT)
        return _parsed(answer)

    async def replace(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        """PUT an object; its metadata.resourceVersion is the precondition."""
        metadata = body["metadata"]
        path = kind.path(namespace=metadata.get("namespace"), name=metadata["name"])
        return _parsed(await self._write("PUT", path, verb="update", lane=lane, body=body))

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
        """Merge a patch; with `resource_version` only into that version (else Conflict)."""
        if resource_version is not None:
            metadata = {**patch.get("metadata", {}), "resourceVersion": resource_version}
            patch = {**patch, "metadata": metadata}
        answer = await self._write(
            "PATCH",
            kind.path(namespace=namespace, name=name, subresource=subresource),
            verb="patch",
            lane=lane,
            body=patch,
            content_type=transport.MERGE_PATCH,
        )
        return _parsed(answer)

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
        """Delete an object; with `uid` only that very one (else Conflict)."""
        options: Body = {"propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        path = kind.path(namespace=namespace, name=name)
        await self._write("DELETE", path, verb="delete", lane=lane, body=options)

    async def raw(self, method: str, path: str, *, accept: str = "*/*") -> bytes:
        """Read a path that is no object, such as the cluster's token keys."""
        # The token keys are served as application/jwk-set+json and nothing else.
        return await self._transport.send(method, path, verb="raw", accept=accept)

    async def _write(
        self,
        method: str,
        path: str,
        *,
        verb: str,
        lane: Lane,
        body: Body,
        content_type: str = transport.JSON,
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        async def send() -> bytes:
            # Asked after the wait for a turn: leadership may have gone meanwhile.
            if not self._may_write():
                raise errors.FencedOff(f"{verb} refused: this process does not lead")
            return await self._transport.send(
                method, path, verb=verb, query=query, body=body, content_type=content_type
            )

        if self._limiter is None:
            return await send()
        async with self._limiter.slot(lane):
            try:
                return await send()
            except errors.Throttled as error:
                self._limiter.pause(error.retry_after or 1.0)
                raise


def _parsed(answer: bytes) -> Body:
    try:
        return cast(Body, json.loads(answer))
    except ValueError as error:
        raise errors.Unavailable("the API server's answer is not JSON") from error


async def listed(
    client: Client,
    kind: Kind,
    *,
    namespace: str | None = None,
    labels: str = "",
    metadata_only: bool = False,
) -> list[Body]:
    """Return a whole list, started again where it expired on the way."""
    for attempt in range(LIST_ATTEMPTS):
        found: list[Body] = []
        try:
            async for page in client.pages(
                kind, namespace=namespace, labels=labels, metadata_only=metadata_only
            ):
                found.extend(page)
        except errors.Expired:
            if attempt == LIST_ATTEMPTS - 1:
                raise
            continue
        return found
    raise AssertionError("unreachable")
