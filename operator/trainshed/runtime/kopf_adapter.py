"""Hosts kopf: turns its watch streams into calls of our cache and handler. Only importer of kopf.

kopf lists, watches and reconnects; it keeps no state on objects and starts no handler of its own
(no finalizers, daemons, peering or event posting). Nothing here decides anything.

Memory is why there is no `@kopf.index`: with one, kopf keeps the raw body of every object until
all kinds are listed. Instead each body is stripped once it has been handled, and `synced` comes
from comparing what was seen with one metadata listing.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import kopf

from trainshed.core import observed
from trainshed.kube import errors, login
from trainshed.kube.kinds import Body, Kind
from trainshed.runtime import sieve, sweeper

log = logging.getLogger(__name__)

CHUNK = 100
"""Objects a page of the first listing: a page is decoded in one go, and nothing else runs then."""
IDLE_SECONDS = 0.2
"""How long kopf keeps an object's task after its last event. A new one costs little."""
LONGEST_BACKOFF = 30.0
RELOGIN_SECONDS = 5.0
CENSUS_PATIENCE = 5.0
"""How long no object may appear while listed ones are missing, before the census is repeated."""


OnEvent = Callable[[Kind, str | None, Body], None]
"""Takes an event into the cache. The type is ADDED, MODIFIED, DELETED, or None for an object of a
listing (at start, or again after the watch was lost). It must be quick and not keep the body."""

Census = Callable[[sweeper.Watched], Awaitable[Collection[observed.Uid]]]


async def run(
    connection: login.Connection,
    watched: Sequence[sweeper.Watched],
    *,
    on_event: OnEvent,
    census: Census,
    synced: asyncio.Event,
    stop_flag: asyncio.Event,
    namespaces: Sequence[str] = (),
    claim_signals: Callable[[], None] | None = None,
    patience: float = CENSUS_PATIENCE,
) -> None:
    """Watch until `stop_flag` is set; raise where a watch fails for good. Call it once a process.

    `synced` is set once every object that existed at the start is in the cache. kopf takes
    SIGTERM and SIGINT for itself when it starts; `claim_signals` is called right after that.
    """
    barrier = _Barrier(watched, census=census, synced=synced, patience=patience)
    registry = kopf.OperatorRegistry()
    _register_login(registry, connection, watched)
    for each in watched:
        _register_watch(registry, each.kind, on_event=on_event, barrier=barrier)
    syncing = asyncio.create_task(barrier.run(), name="initial-listing")
    try:
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=_settings(watched),
            namespaces=namespaces,
            clusterwide=not namespaces,
            standalone=True,
            stop_flag=stop_flag,
            # kopf would else make one of the user's name, and a container's uid may have none.
            identity=cast(Any, "trainshed"),
        )
        if claim_signals is not None:
            claim_signals()
        await kopf.run_tasks(tasks, ignored=_NotOfKopf())
    finally:
        syncing.cancel()
        await asyncio.gather(syncing, return_exceptions=True)


def _register_login(
    registry: kopf.OperatorRegistry,
    connection: login.Connection,
    watched: Iterable[sweeper.Watched],
) -> None:
    logins = 0
    essences = {each.kind.path(): each.essence for each in watched if each.essence is not None}

    @kopf.on.login(registry=registry, id="login")
    async def open_session(**_: Any) -> kopf.AiohttpSession:
        nonlocal logins
        # The session refreshes its token itself: a second login means that it was refused.
        await asyncio.sleep(RELOGIN_SECONDS if logins else 0.0)
        logins += 1
        return kopf.AiohttpSession(
            server=connection.server,
            aiohttp_session=connection.session(also=[sieve.of(essences)]),
            default_namespace=connection.namespace,
        )


def _register_watch(
    registry: kopf.OperatorRegistry,
    kind: Kind,
    *,
    on_event: OnEvent,
    barrier: _Barrier,
) -> None:
    @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)
    async def observe(event: Any, **_: Any) -> None:
        body: Body = event["object"]
        try:
            on_event(kind, event["type"], body)
        finally:
            barrier.saw(observed.Uid(body["metadata"]["uid"]))
            _strip(body)


def _strip(body: Body) -> None:
    """Free what kopf would keep while the object's task idles; it reads only metadata later."""
    metadata = body["metadata"]
    kept = {key: metadata[key] for key in ("uid", "name", "namespace") if key in metadata}
    body.clear()
    body["metadata"] = kept


class _Barrier:
    """Knows when the initial listing is complete, by a listing of our own."""

    def __init__(
        self,
        watched: Sequence[sweeper.Watched],
        *,
        census: Census,
        synced: asyncio.Event,
        patience: float,
    ) -> None:
        self._watched = watched
        self._patience = patience
        self._census = census
        self._synced = synced
        self._seen: set[observed.Uid] = set()
        self._missing: set[observed.Uid] = set()
        self._progress = asyncio.Event()

    def saw(self, uid: observed.Uid) -> None:
        """Note that an event of this object was handled."""
        if not self._synced.is_set():
            self._seen.add(uid)
            self._missing.discard(uid)
            self._progress.set()

    async def run(self) -> None:
        """Set `synced` once everything listed has been seen."""
        while not await self._all_seen():
            pass
        self._seen.clear()
        # What is cached now lives long: later collections need not walk it.
        gc.collect()
        gc.freeze()
        self._synced.set()

    async def _all_seen(self) -> bool:
        try:
            for each in self._watched:
                self._missing.update(await self._census(each))
        except errors.ApiError as error:
            log.warning("initial_census_failed", extra={"error": str(error)})
            await asyncio.sleep(self._patience)
            return False
        self._missing -= self._seen
        while self._missing:
            self._progress.clear()
            try:
                await asyncio.wait_for(self._progress.wait(), self._patience)
            except TimeoutError:
                # What is left was deleted before kopf listed it: a new census lacks it.
                self._missing.clear()
                return False
        return True


def _settings(watched: Iterable[sweeper.Watched]) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.persistence.progress_storage = _NoProgress()
    settings.queueing.worker_limit = None  # a limit starves the initial listing
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.queueing.exit_timeout = 2.0
    settings.networking.error_backoffs = _EndlessBackoffs()
    settings.networking.request_timeout = 60.0
    settings.networking.connect_timeout = 10.0
    settings.watching.chunk_size = CHUNK
    settings.watching.reconnect_backoff = 0.5
    settings.execution.max_workers = 4
    settings.process.ultimate_exiting_timeout = 25.0
    for each in watched:
        if each.selector:
            kind = each.kind
            key = (kind.group, kind.version, kind.plural)
            settings.watching.label_selectors[key] = each.selector
    # It tells of each handled event at INFO.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    return settings


class _EndlessBackoffs:
    """Jittered waits without an end: with one, kopf would stop the operator in an API outage."""

    def __iter__(self) -> Iterator[float]:
        wait = 1.0
        while True:
            yield wait * random.uniform(0.5, 1.0)
            wait = min(wait * 1.6, LONGEST_BACKOFF)


class _NoDiffBase(kopf.DiffBaseStorage):
    """Stores nothing: kopf's own copies each body several times for every event (1 ms)."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:
        return {}

    def fetch(self, *, body: Any) -> None:
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    """Stores nothing: handlers of raw events have no progress."""

    def fetch(self, *, key: Any, body: Any) -> None:
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        return None

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        return None

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


class _NotOfKopf(Collection["asyncio.Task[Any]"]):
    """Every task that kopf did not start: at its end it would cancel them after five seconds."""

    _home = str(Path(kopf.__file__).parent)

    def __contains__(self, task: object) -> bool:
        code = getattr(task.get_coro(), "cr_code", None) if isinstance(task, asyncio.Task) else None
        return code is None or not code.co_filename.startswith(self._home)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(task for task in asyncio.all_tasks() if task in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
