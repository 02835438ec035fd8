"""Lets old images of the bundled registry go, and has their bytes freed. The leader's alone.

A round judges each namespace's repository by what is named at that moment. Bytes are freed by a
restart of the registry, which collects them before it serves: while it serves, that is not safe.
"""

from __future__ import annotations

import asyncio
import collections
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from trainshed.core import retention
from trainshed.kube import errors as api_errors
from trainshed.registry import client as clients
from trainshed.registry import errors, holdings
from trainshed.runtime import cache as caches
from trainshed.runtime import turns

log = logging.getLogger(__name__)
DAY = 86400.0
ROUND_SECONDS = 21600.0
FIRST_SECONDS = 900.0
"""An operator that has just started knows of no build that goes on: it waits first."""
LOOK_SECONDS = 60.0
_AT_ONCE = 500
"""So many are let go in a repository's turn: builds of its namespace wait meanwhile."""
_BREATH = 100
_MOST_OF_ONE = 1000
"""So many repositories of one namespace are judged in a round: who pushes makes them by a name."""
Count = Callable[[int], None]
"""Called with the number of tags that went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What a collector is given."""

    client: clients.Client
    """Of the bundled registry, with the operator's own tokens."""
    cache: caches.Cache
    turns: turns.Turns
    folder: str
    """Where the repositories of the namespaces are."""
    days: int
    served: frozenset[str]
    """The namespaces that are served; empty for all. What others name is not known here."""
    free: Callable[[], Awaitable[None]]
    """Restarts the registry."""
    clock: Callable[[], float]
    """Unix time."""
    count: Count


class Collector:
    """Goes round all repositories, again and again."""

    def __init__(self, seams: Seams) -> None:
        """Begin with nothing to free."""
        self._seams = seams
        self._owed = False
        self._freed = float("-inf")

    async def run(self) -> None:
        """Go round each six hours until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.round()
            for _ in range(int(ROUND_SECONDS / LOOK_SECONDS)):
                await self.free()
                await asyncio.sleep(LOOK_SECONDS)

    async def round(self) -> int:
        """Judge each repository once; return how many tags went."""
        seams = self._seams
        met: collections.Counter[str] = collections.Counter()
        gone = 0
        try:
            async for repository in holdings.repositories(seams.client, folder=seams.folder):
                namespace = repository.removeprefix(f"{seams.folder}/").partition("/")[0]
                met[namespace] += 1
                if met[namespace] <= _MOST_OF_ONE:
                    gone += await self._visited(namespace, repository)
        except (errors.RegistryError, errors.NotFound) as error:
            log.warning("registry_unlisted", extra={"error": str(error)})
        for namespace in (each for each, many in met.items() if many > _MOST_OF_ONE):
            log.warning("registry_namespace_crowded", extra={"namespace": namespace})
        log.info("registry_collected", extra={"repositories": met.total(), "tags": gone})
        return gone

    async def _visited(self, namespace: str, repository: str) -> int:
        """Judge one repository, unless its namespace builds; return how many tags went."""
        seams = self._seams
        if seams.served and namespace not in seams.served:
            return 0
        async with seams.turns.letting_go(namespace) as quiet:
            gone = await self._swept(repository) if quiet else 0
        if gone:
            self._owed = True
        return gone

    async def free(self) -> None:
        """Restart the registry where that frees something: once a day, and while none builds."""
        now = self._seams.clock()
        if not self._owed or now - self._freed < DAY or not self._seams.turns.quiet():
            return
        try:
            await self._seams.free()
        except api_errors.ApiError as error:
            log.warning("registry_not_restarted", extra={"error": str(error)})
            return
        self._owed, self._freed = False, now
        log.info("registry_restarted")

    async def _swept(self, repository: str) -> int:
        try:
            return await self._sweep(repository)
        except (errors.RegistryError, errors.NotFound) as error:
            # Another round comes: what is left alone does no harm.
            log.warning(
                "registry_repository_left", extra={"repository": repository, "error": str(error)}
            )
            return 0

    async def _sweep(self, repository: str) -> int:
        seams = self._seams
        found = await holdings.read(seams.client, repository)
        before, used = await holdings.recall(seams.client, repository)
        verdict = retention.judge(
            found,
            names=await _names(seams.cache),
            used=used,
            today=int(seams.clock() // DAY),
            days=seams.days,
        )
        tags = {each.digest: len(each.tags) for each in found}
        gone, left = 0, list(verdict.doomed)
        for digest in verdict.doomed[:_AT_ONCE]:
            # A job may have been created meanwhile that names it outright: then all is judged anew.
            if any(digest.encode() in text for text in documents(seams.cache)):
                break
            if await holdings.remove(seams.client, repository, digest):
                gone += tags.get(digest, 0)
                seams.count(tags.get(digest, 0))
            left.remove(digest)
        # What is still to go keeps its age.
        old = {digest: used[digest] for digest in left if digest in used}
        await holdings.remember(seams.client, repository, {**verdict.used, **old}, before=before)
        return gone


async def _names(cache: caches.Cache) -> frozenset[str]:
    """Return all that is named, and let others work in between: jobs may be thousands."""
    found: set[str] = set()
    for number, text in enumerate(documents(cache)):
        found |= retention.named((text,))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return frozenset(found)


def documents(cache: caches.Cache) -> Iterator[bytes]:
    """Yield every text that may name an image: of jobs, of their Jobs, of builds that ended."""
    for job in cache.jobs():
        yield job.spec
        yield job.status
        build = cache.build(job.uid)
        if build is not None and build.image is not None:
            yield build.image.ref.encode()
            yield build.image.key.encode()
    # After a restart they may be all that names an image: a status is written a moment later.
    yield from _images(name for each in cache.workloads() for name in (each.image, each.volume))


def _images(names: Iterable[str]) -> Iterator[bytes]:
    return (each.encode() for each in names if each)
