"""Compares the cache with the API server now and then, because a watch can lose a deletion.

kopf re-lists after a 410 and reports what exists, never what has gone meanwhile. Each round
lists the metadata of one kind and asks with one GET about every object that only one side has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from trainshed.core import observed
from trainshed.kube import client, errors
from trainshed.kube.kinds import Body, Kind
from trainshed.runtime import sieve

log = logging.getLogger(__name__)

ROUND_SECONDS = (600.0, 900.0)


class Member(NamedTuple):
    """Where an object is found; its uid is the key that maps to it."""

    namespace: str
    name: str


class Cache(Protocol):
    """What the sweeper needs of the cache."""

    def members(self, kind: Kind) -> Mapping[observed.Uid, Member]:
        """Return a copy of all that is cached of a kind."""

    def evict(self, kind: Kind, uid: observed.Uid) -> None:
        """Forget an object that is gone, and queue what depends on it."""

    def restore(self, kind: Kind, body: Body) -> None:
        """Take in an object that no watch event told of, and queue what depends on it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A kind with the selector and the namespaces that its watch has."""

    kind: Kind
    selector: str = ""
    namespaces: Sequence[str] = ()
    """Empty: all of them."""
    essence: sieve.Essence | None = None
    """What of an object matters; None: all of it, and each change of it is told."""


async def census(api: client.Client, watched: Watched) -> dict[observed.Uid, Member]:
    """Return every object of a kind that the watch should know, by one metadata listing."""
    found: dict[observed.Uid, Member] = {}
    for namespace in watched.namespaces or (None,):
        found |= await _census_of(api, watched, namespace)
    return found


async def _census_of(
    api: client.Client, watched: Watched, namespace: str | None
) -> dict[observed.Uid, Member]:
    found: dict[observed.Uid, Member] = {}
    try:
        # Page by page: five thousand bodies at once would double the operator's memory.
        async for page in api.pages(
            watched.kind, namespace=namespace, labels=watched.selector, metadata_only=True
        ):
            for body in page:
                metadata = body["metadata"]
                member = Member(metadata.get("namespace", ""), metadata["name"])
                found[observed.Uid(metadata["uid"])] = member
    except errors.Expired:
        return await _census_of(api, watched, namespace)
    return found


class Sweeper:
    """Keeps the cache's membership true."""

    def __init__(
        self,
        api: client.Client,
        cache: Cache,
        watched: Sequence[Watched],
        *,
        random: Callable[[], float],
    ) -> None:
        self._api = api
        self._cache = cache
        self._watched = watched
        self._random = random

    async def run(self) -> None:
        """Sweep each 10 to 15 minutes until cancelled."""
        shortest, longest = ROUND_SECONDS
        while True:
            await asyncio.sleep(shortest + self._random() * (longest - shortest))
            for watched in self._watched:
                try:
                    await self.sweep(watched)
                except errors.ApiError as error:
                    log.warning(
                        "sweep_failed", extra={"kind": watched.kind.name, "error": str(error)}
                    )

    async def sweep(self, watched: Watched) -> None:
        """Compare one kind."""
        kind = watched.kind
        # Taken before the listing: what is missing there was cached earlier, so it is no newcomer.
        before = self._cache.members(kind)
        listed = await census(self._api, watched)
        for uid in before.keys() - listed.keys():
            if await self._found(kind, uid, before[uid]) is None:
                self._cache.evict(kind, uid)
                log.warning("ghost_evicted", extra={"kind": kind.name, "uid": uid})
        for uid in listed.keys() - before.keys() - self._cache.members(kind).keys():
            body = await self._found(kind, uid, listed[uid])
            if body is not None and uid not in self._cache.members(kind):
                self._cache.restore(kind, body)
                log.warning("missed_object_restored", extra={"kind": kind.name, "uid": uid})

    async def _found(self, kind: Kind, uid: observed.Uid, member: Member) -> Body | None:
        try:
            body = await self._api.get(kind, name=member.name, namespace=member.namespace)
        except errors.NotFound:
            return None
        return body if body["metadata"]["uid"] == uid else None
