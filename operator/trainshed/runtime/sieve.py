"""Leaves out of a watch what changes nothing that matters, before kopf has to do with it.

The nodes of a cluster report for ever, and kopf starts a task for each report, which costs three
times what reading it does. Lists go through whole, and so does the first word of a watch on each
object: what is left out is equal to what the same stream has told last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp

Essence = Callable[[Mapping[str, Any]], object]
"""Returns what of an object matters; its representation tells two of them apart."""
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What bookmarks, errors and bodies that no view can be made of come to."""


def of(essences: Mapping[str, Essence]) -> aiohttp.ClientMiddlewareType:
    """Return what puts a sieve into the watches of these paths."""

    async def sift(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        found = (each for path, each in essences.items() if request.url.path.endswith(path))
        essence = next(found, None)
        if essence is not None and response.ok and request.url.query.get("watch") == "true":
            response.content = Sieve(response.content, essence)  # type: ignore[assignment]
        return response

    return sift


class Sieve:
    """The content of one watch. Whoever reads it otherwise than in chunks gets all of it."""

    def __init__(self, content: aiohttp.StreamReader, essence: Essence) -> None:
        """Sift this content."""
        self._content = content
        self._essence = essence
        self._told: dict[str, bytes] = {}
        """A digest of what was told last, by uid."""

    def __getattr__(self, name: str) -> Any:
        """Be the content for all other ends."""
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines that are news."""
        rest = b""
        async for chunk in self._content.iter_chunked(size):
            *lines, rest = (rest + chunk).split(b"\n")
            if news := b"".join(line + b"\n" for line in lines if self._is_news(line)):
                yield news
        if rest:
            yield rest

    def _is_news(self, line: bytes) -> bool:
        try:
            return bool(line) and self._differs(json.loads(line.decode()))
        except UNREADABLE:
            return True  # for its handler to tell of, which holds up no other object

    def _differs(self, event: Mapping[str, Any]) -> bool:
        body = event["object"]
        uid = body["metadata"]["uid"]
        if event["type"] == "DELETED":
            self._told.pop(uid, None)
            return True
        now = hashlib.blake2b(repr(self._essence(body)).encode(), digest_size=16).digest()
        before = self._told.get(uid)
        self._told[uid] = now
        return before != now
