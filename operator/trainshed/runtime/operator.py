"""The leader's part of the process: everything that watches, decides and writes.

Made once this process leads and ended for good when it no longer does. `main` owns the order
around it: connection, election, metrics server, signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from trainshed import config
from trainshed.api import labels
from trainshed.core import observed, policy
from trainshed.kube import client as clients
from trainshed.kube import cluster, errors, events, kinds, login, objects, stores
from trainshed.progress import authority, certificates, endpoint, keys, routing, server, tokens
from trainshed.runtime import (
    building,
    counting,
    intake,
    kopf_adapter,
    loop,
    membership,
    mounts,
    pacing,
    podbuilds,
    pushes,
    reconciler,
    recording,
    surroundings,
    sweeper,
    tasks,
    workqueue,
)
from trainshed.runtime import cache as caches

log = logging.getLogger(__name__)

Key = observed.JobKey

ROUTE_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The ways to the API server."""

    connection: login.Connection
    free: clients.Client
    """For the Lease, the certificate and the routing: passes no budget."""
    budgeted: clients.Client
    """For jobs: passes the write budget, and refuses once this process does not lead."""


class Maker(building.Maker, podbuilds.Answers, Protocol):
    """Makes images, and knows what build pods made."""


@dataclass(slots=True, kw_only=True)
class Operator:
    """The parts that `main` looks at from outside."""

    cache: caches.Cache = field(default_factory=caches.Cache)
    queue: workqueue.WorkQueue[Key]
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    unready: str | None = "starting"
    """Why this replica is of no use yet; None once it works or stands by."""


async def run(
    found: Operator,
    *,
    settings: config.Settings,
    identity: config.Identity,
    api: Clients,
    maker: Maker,
    leading: Callable[[], bool],
    hooks: counting.Hooks,
    stop: asyncio.Event,
    claim_signals: Callable[[], None],
) -> None:
    """Operate until `stop` is set; raises where a watch or a task of ours fails for good."""
    signer = await _authority(settings, identity, api)
    rules = _policy(settings, identity, signer)
    recorder = events.Recorder(api.budgeted, instance=identity.pod)
    following = _following(found, settings, api, maker, hooks)
    incoming = intake.Intake(
        cache=found.cache, wake=found.queue.add, clock=time.time, built=following.changed
    )
    watched = _watched(settings)
    async with contextlib.AsyncExitStack() as stack:
        pacer = pacing.Pacer(found.queue.add, interval=rules.progress_interval)
        stack.callback(pacer.close)
        await stack.enter_async_context(
            _endpoint(found, settings, identity, api, signer, pacer, leading, hooks)
        )
        await _route(settings, identity, api)
        stack.push_async_callback(following.close)
        builds = _builds(found, settings, api, maker, hooks, following)
        stack.push_async_callback(builds.close)
        workers = _workers(found, settings, api, builds, recorder, rules, hooks)
        stack.push_async_callback(workers.stop)
        for name, task in {
            "events": recorder.run(),
            "sweeper": _sweeper(found, api, incoming, watched).run(),
            "routing": _stay_routed(settings, identity, api),
            "first-pass": _start_when_synced(found, workers),
        }.items():
            await stack.enter_async_context(tasks.owned(name, task, stop=stop))
        await kopf_adapter.run(
            api.connection,
            watched,
            on_event=lambda kind, type_, body: incoming.event(kind.plural, type_, body),
            census=lambda each: sweeper.census(api.free, each),
            synced=found.synced,
            stop_flag=stop,
            namespaces=settings.namespaces,
            claim_signals=claim_signals,
        )


def _sweeper(
    found: Operator,
    api: Clients,
    incoming: intake.Intake,
    watched: tuple[sweeper.Watched, ...],
) -> sweeper.Sweeper:
    members = membership.Membership(found.cache, incoming)
    return sweeper.Sweeper(api.free, members, watched, random=random.random)


def _following(
    found: Operator,
    settings: config.Settings,
    api: Clients,
    answers: podbuilds.Answers,
    hooks: counting.Hooks,
) -> podbuilds.PodBuilds:
    return podbuilds.PodBuilds(
        cache=found.cache,
        api=objects.Objects(api.budgeted),
        answers=answers,
        given=surroundings.of(settings),
        repository=surroundings.repository(settings.registry),
        worked=hooks.worked,
    )


def _builds(
    found: Operator,
    settings: config.Settings,
    api: Clients,
    maker: building.Maker,
    hooks: counting.Hooks,
    following: podbuilds.PodBuilds,
) -> building.Builds:
    return building.Builds(
        cache=found.cache,
        maker=maker,
        api=objects.Objects(api.budgeted),
        clock=time.time,
        wake=found.queue.add,
        pods=following,
        mounts=mounts.Mounts(cluster.Cluster(api.free), clock=time.monotonic),
        observe=hooks.built,
        hit=hooks.hit,
        worked=hooks.worked,
        deadline=settings.build_deadline_seconds,
    )


def _workers(
    found: Operator,
    settings: config.Settings,
    api: Clients,
    builds: building.Builds,
    recorder: events.Recorder,
    rules: policy.Policy,
    hooks: counting.Hooks,
) -> loop.Workers[Key]:
    passes = reconciler.Reconciler(
        cache=found.cache,
        api=objects.Objects(api.budgeted),
        builds=builds,
        recorder=recording.Recording(recorder),
        settings=rules,
        clock=time.time,
        again=lambda key: found.queue.add(key, workqueue.Priority.LOW),
    )
    return loop.Workers(found.queue, passes.reconcile, count=settings.workers, observe=hooks.passed)


async def _route(settings: config.Settings, identity: config.Identity, api: Clients) -> bool:
    return await routing.ensure(
        stores.Store(api.free, kinds.ENDPOINT_SLICES, identity.namespace),
        namespace=identity.namespace,
        service=settings.progress.service,
        address=identity.address,
        port=settings.progress.port,
    )


async def _stay_routed(settings: config.Settings, identity: config.Identity, api: Clients) -> None:
    """Write the route again where somebody has changed or deleted it, each 5 minutes."""
    while True:
        await asyncio.sleep(ROUTE_SECONDS)
        try:
            if await _route(settings, identity, api):
                log.warning("route_restored")
        except (errors.ApiError, routing.RoutingFailed) as error:
            log.warning("route_unchecked", extra={"error": str(error)})


async def _start_when_synced(found: Operator, workers: loop.Workers[Key]) -> None:
    """Begin to act once all that exists is known: no pass takes a gap for a loss."""
    await found.synced.wait()
    workers.start()
    found.unready = None
    log.info("synced", extra={"trainingjobs": sum(1 for _ in found.cache.jobs())})
    await asyncio.Event().wait()


def _watched(settings: config.Settings) -> tuple[sweeper.Watched, ...]:
    return (
        sweeper.Watched(kinds.TRAINING_JOBS, namespaces=settings.namespaces),
        sweeper.Watched(kinds.JOBS, labels.SELECTOR, settings.namespaces),
        sweeper.Watched(kinds.PODS, labels.SELECTOR, settings.namespaces),
    )


async def _authority(
    settings: config.Settings, identity: config.Identity, api: Clients
) -> certificates.KeyPair:
    store = stores.Store(api.free, kinds.SECRETS, identity.namespace)
    name = settings.progress.ca_secret
    return await authority.ensure(store, name=name, namespace=identity.namespace, now=time.time())


def _policy(
    settings: config.Settings, identity: config.Identity, signer: certificates.KeyPair
) -> policy.Policy:
    host = f"{settings.progress.service}.{identity.namespace}.svc"
    return policy.Policy(
        base_images=settings.images.model_dump(),
        progress_url=f"https://{host}:{settings.progress.port}",
        ca_pem=signer.certificate.decode("ascii"),
        build_deadline=settings.build_deadline_seconds,
        startup_deadline=settings.startup_deadline_seconds,
        reaches=surroundings.reaches(settings.registry),
    )


@contextlib.asynccontextmanager
async def _endpoint(
    found: Operator,
    settings: config.Settings,
    identity: config.Identity,
    api: Clients,
    signer: certificates.KeyPair,
    pacer: pacing.Pacer,
    leading: Callable[[], bool],
    hooks: counting.Hooks,
) -> AsyncIterator[int]:
    trust = keys.Keys(
        configuration=lambda: _document(api.free, "/.well-known/openid-configuration"),
        keys=lambda: _document(api.free, "/openid/v1/jwks"),
        clock=asyncio.get_running_loop().time,
    )
    seams = endpoint.Seams(
        verifier=tokens.Verifier(keys=trust, audience=labels.PROGRESS_AUDIENCE),
        pod=found.cache.speaker,
        sink=pushes.Pushes(cache=found.cache, pacer=pacer),
        leading=leading,
        count=hooks.pushed,
        clock=time.time,
    )
    names = certificates.server_names(settings.progress.service, identity.namespace)
    async with server.serve(
        seams, authority=signer, names=names, port=settings.progress.port, clock=time.time
    ) as port:
        yield port


async def _document(api: clients.Client, path: str) -> Mapping[str, Any] | None:
    """Return a JSON document of the API server; None where it can't be had now."""
    try:
        found: Mapping[str, Any] = json.loads(await api.raw("GET", path))
    except (errors.ApiError, ValueError) as error:
        log.warning("token_keys_unreadable", extra={"path": path, "error": str(error)})
        return None
    return found
