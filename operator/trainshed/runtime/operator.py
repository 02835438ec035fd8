"""The leader's part of the process: everything that watches, decides and writes.

Made once this process leads and ended for good when it no longer does. `main` owns the order
around it: connection, election, metrics server, signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from trainshed import config
from trainshed.core import observed, policy
from trainshed.granting import asking
from trainshed.kube import client as clients
from trainshed.kube import cluster, events, kinds, login, objects, stores
from trainshed.progress import authority, builders, certificates
from trainshed.registry import client as registry_clients
from trainshed.registry import surroundings
from trainshed.runtime import (
    admitting,
    building,
    bundled,
    classing,
    counting,
    gates,
    intake,
    kopf_adapter,
    listening,
    loop,
    membership,
    mounts,
    pacing,
    podbuilds,
    policies,
    prepulls,
    pushes,
    reconciler,
    recording,
    seams,
    sweeper,
    tasks,
    turns,
    watches,
    workqueue,
)
from trainshed.runtime import cache as caches

log = logging.getLogger(__name__)

Key = observed.JobKey


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

    def own(self) -> registry_clients.Client:
        """Return the client of the registry that images go to."""


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
    registry: bundled.Bundled | None = None,
) -> None:
    """Operate until `stop` is set; raises where a watch or a task of ours fails for good."""
    signer = await _authority(settings, identity, api)
    rules = policies.of(settings, identity, signer)
    recorder = events.Recorder(api.budgeted, instance=identity.pod)
    writer, order = _writer(api, registry), turns.Turns()
    following = _following(found, settings, identity, writer, maker, rules, hooks)
    incoming = intake.Intake(
        cache=found.cache,
        wake=found.queue.add,
        clock=time.time,
        built=following.changed,
        refused=bundled.watched(registry, found.cache),
        places=found.cache.places,
    )
    found.cache.places.on_change(lambda key: found.queue.add(key, workqueue.Priority.LOW))
    watched = await watches.of(settings, api.free)
    async with contextlib.AsyncExitStack() as stack:
        pacer = pacing.Pacer(found.queue.add, interval=rules.progress_interval)
        stack.callback(pacer.close)
        stack.callback(found.cache.places.close)
        served = listening.Listening(
            settings=settings, identity=identity, api=api.free, signer=signer, registry=registry
        )
        sink = pushes.Pushes(cache=found.cache, pacer=pacer)
        await stack.enter_async_context(
            served.serve(found.cache, sink, following.hear, leading=leading, count=hooks.pushed)
        )
        stack.push_async_callback(following.close)
        builds = _builds(found, settings, api, writer, maker, hooks, following, order)
        stack.push_async_callback(builds.close)
        workers = _workers(found, settings, writer, builds, recorder, rules, hooks)
        stack.push_async_callback(workers.stop)
        for name, task in {
            "events": recorder.run(),
            "sweeper": _sweeper(found, api, incoming, watched).run(),
            "routing": served.stay_routed(),
            "first-pass": _start_when_synced(found, workers),
            "classes": classing.run(
                api.budgeted,
                found.cache.places,
                settings.accelerator_classes,
                synced=found.synced,
                clock=time.time,
            ),
            **bundled.tasks(
                registry,
                settings,
                client=maker.own(),
                cache=found.cache,
                synced=found.synced,
                order=order,
                count=hooks.collected,
            ),
        }.items():
            await stack.enter_async_context(tasks.owned(name, task, stop=stop))
        # Before anything is listed: no job of the first moment may find no class.
        await classing.prepare(api.budgeted, settings.accelerator_classes)
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
    found: Operator, api: Clients, incoming: intake.Intake, watched: tuple[sweeper.Watched, ...]
) -> sweeper.Sweeper:
    members = membership.Membership(found.cache, incoming)
    return sweeper.Sweeper(api.free, members, watched, random=random.random)


def _writer(api: Clients, registry: bundled.Bundled | None) -> seams.Writer:
    if registry is None:
        return objects.Objects(api.budgeted)
    return admitting.Objects(api.budgeted, registry.keeper.ensure)


def _following(
    found: Operator,
    settings: config.Settings,
    identity: config.Identity,
    writer: seams.Writer,
    answers: podbuilds.Answers,
    rules: policy.Policy,
    hooks: counting.Hooks,
) -> podbuilds.PodBuilds:
    namespace, ca_pem = identity.namespace, rules.ca_pem
    tokens = asking.for_pods(settings, namespace=namespace, ca_pem=ca_pem)
    told = builders.address(settings.progress, namespace=namespace, ca_pem=ca_pem)
    return podbuilds.PodBuilds(
        cache=found.cache,
        api=writer,
        answers=answers,
        given=surroundings.of(settings, operator=told, tokens=tokens),
        repository=surroundings.repository(settings.registry),
        worked=hooks.worked,
        gate=gates.Gate(writer, settings.builder.dockerfile.enabled),
        prepull=prepulls.Prepulls(
            writer, nodes=settings.builder.pre_pull_nodes, pull_secret=rules.pull_secret
        ).begin,
    )


def _builds(
    found: Operator,
    settings: config.Settings,
    api: Clients,
    writer: seams.Writer,
    maker: building.Maker,
    hooks: counting.Hooks,
    following: podbuilds.PodBuilds,
    order: turns.Turns,
) -> building.Builds:
    return building.Builds(
        cache=found.cache,
        maker=maker,
        api=writer,
        clock=time.time,
        wake=found.queue.add,
        pods=following,
        mounts=mounts.Mounts(cluster.Cluster(api.free), clock=time.monotonic),
        observe=hooks.built,
        hit=hooks.hit,
        worked=hooks.worked,
        deadline=settings.build_deadline_seconds,
        order=order,
    )


def _workers(
    found: Operator,
    settings: config.Settings,
    writer: seams.Writer,
    builds: building.Builds,
    recorder: events.Recorder,
    rules: policy.Policy,
    hooks: counting.Hooks,
) -> loop.Workers[Key]:
    passes = reconciler.Reconciler(
        cache=found.cache,
        api=writer,
        builds=builds,
        recorder=recording.Recording(recorder),
        settings=rules,
        clock=time.time,
        again=lambda key: found.queue.add(key, workqueue.Priority.LOW),
    )
    return loop.Workers(found.queue, passes.reconcile, count=settings.workers, observe=hooks.passed)


async def _start_when_synced(found: Operator, workers: loop.Workers[Key]) -> None:
    """Begin to act once all that exists is known: no pass takes a gap for a loss."""
    await found.synced.wait()
    workers.start()
    found.unready = None
    log.info("synced", extra={"trainingjobs": sum(1 for _ in found.cache.jobs())})
    await asyncio.Event().wait()


async def _authority(
    settings: config.Settings, identity: config.Identity, api: Clients
) -> certificates.KeyPair:
    store = stores.Store(api.free, kinds.SECRETS, identity.namespace)
    name = settings.progress.ca_secret
    return await authority.ensure(store, name=name, namespace=identity.namespace, now=time.time())
