"""The operator's process: settings, election, and what surrounds the leader's work."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import pathlib
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from trainshed import config
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds, login, preflight, ratelimit
from trainshed.kube import transport as transports
from trainshed.metrics import collectors, controller, stock
from trainshed.metrics import server as metrics_server
from trainshed.progress import authority, refusals, routing
from trainshed.registry import google, opening, surroundings
from trainshed.runtime import (
    building,
    bundled,
    counting,
    handover,
    leader,
    logs,
    loop,
    operator,
    tasks,
    workqueue,
)

log = logging.getLogger(__name__)

START_FAILURES = (
    errors.ApiError,
    preflight.PreflightError,
    authority.AuthorityUnusable,
    routing.RoutingFailed,
    OSError,
    ValueError,
)
"""What a person must mend before the operator can run; each says so in one sentence."""
LOST_LEASE_SECONDS = 3.0
"""How long a process that no longer leads may take to end by itself."""
STANDBY_SECONDS = 3.0
"""Who does not lead by then stands by, which is what a second replica is for: it is ready."""
STUCK_SECONDS = 600.0
"""A pass that takes longer than this is stuck: the kubelet restarts the process."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the operator until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="trainshed-operator", description=__doc__)
    parser.add_argument("--config", type=pathlib.Path, required=True, help="YAML settings")
    parser.add_argument("--kubeconfig", help="instead of the pod's service account")
    asked = parser.parse_args(arguments)
    logs.configure()
    try:
        settings = config.load(asked.config)
    except (OSError, ValueError) as error:
        log.error("settings_unusable", extra={"file": str(asked.config), "error": str(error)})
        return 2
    try:
        return asyncio.run(run(settings, config.identity(), kubeconfig=asked.kubeconfig))
    except START_FAILURES as error:
        log.error("start_failed", extra={"error": str(error)})
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """What every replica has, whether it leads or waits."""

    settings: config.Settings
    identity: config.Identity
    connection: login.Connection
    transport: transports.Transport
    counts: controller.Controller
    found: handover.Operator
    stop: asyncio.Event


async def run(
    settings: config.Settings, identity: config.Identity, *, kubeconfig: str | None
) -> int:
    """Wait for the lease, lead, and end when told or when the lease is lost."""
    loop.calm_garbage_collector()
    stop = asyncio.Event()
    _claim_signals(stop)
    counts = controller.Controller(
        push_results=list(refusals.Result), build_failures=sorted(building.COUNTED)
    )
    queue = workqueue.WorkQueue[handover.Key](
        random=random.random,
        on_taken=lambda priority, seconds: counts.taken(priority.name.lower(), seconds),
    )
    for priority in workqueue.Priority:
        counts.queue(priority.name.lower(), lambda priority=priority: queue.depth(priority))  # type: ignore[misc]
    found = handover.Operator(queue=queue)
    connection = await login.login(kubeconfig=kubeconfig)
    places = found.cache.places
    counts.registry.register(stock.ClassCollector(places.index, places.usage))
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(_metrics(settings, counts, found))
        await stack.enter_async_context(
            tasks.owned("lag", loop.watch_lag(counts.lagged), stop=stop)
        )
        transport = transports.Transport(connection, observe=counts.requested)
        stack.push_async_callback(transport.close)
        process = _Process(
            settings=settings,
            identity=identity,
            connection=connection,
            transport=transport,
            counts=counts,
            found=found,
            stop=stop,
        )
        return await _contend(process)


async def _contend(process: _Process) -> int:
    settings, identity = process.settings, process.identity
    free = clients.ApiClient(process.transport)
    needed = preflight.needed(
        own_namespace=identity.namespace,
        names=preflight.Names(
            lease=settings.leader_election.name,
            secret=settings.progress.ca_secret,
            endpoint_slice=settings.progress.service,
        ),
        namespaces=settings.namespaces,
        dockerfiles=settings.builder.dockerfile.enabled,
        claims=settings.accelerator_classes.enabled,
        gangs=settings.placement.gang.by,
    )
    classes = settings.accelerator_classes
    if classes.enabled:
        needed += preflight.for_placement(makes=bool(classes.shipped))
    if settings.kueue.enabled:
        needed += preflight.for_kueue(namespaces=settings.namespaces)
    needed += bundled.needed(settings, identity)
    await preflight.check(free, permissions=needed, served=_served(settings))
    timing = settings.leader_election
    elector = leader.Elector(
        free,
        leader.Identity(namespace=identity.namespace, lease=timing.name, holder=identity.pod),
        random=random.random,
        wall_clock=time.time,
        timing=leader.Timing(timing.lease_seconds, timing.renew_seconds, timing.retry_seconds),
    )
    if not await _acquired(elector, process):
        return 0
    process.counts.leads(True)
    try:
        async with tasks.owned("lease", _keep(elector, process.stop), stop=process.stop):
            await _lead(process, free, elector)
        return 0 if elector.is_leader() else 1
    finally:
        process.counts.leads(False)
        await elector.release()


def _served(settings: config.Settings) -> list[kinds.Kind]:
    """Return the kinds of ours that the operator can't do without."""
    classes = [kinds.CLASSES] if settings.accelerator_classes.enabled else []
    return [kinds.TRAINING_JOBS, *classes]


async def _lead(process: _Process, free: clients.Client, elector: leader.Elector) -> None:
    settings = process.settings
    limits = ratelimit.Limits(per_second=settings.writes.per_second, burst=settings.writes.burst)
    budgeted = clients.ApiClient(
        process.transport, limiter=ratelimit.Limiter(limits), may_write=elector.is_leader
    )
    registry = await bundled.opened(settings, process.identity, free=free, budgeted=budgeted)
    lending = google.opened(
        settings.registry.google, push=settings.registry.push, clock=time.monotonic
    )
    async with (
        lending as lender,
        opening.open_builder(
            target=surroundings.target(settings.registry),
            ca_file=settings.registry.ca,
            credentials_file=settings.registry.credentials_file,
            library=settings.trainer_library,
            clock=time.monotonic,
            issue=registry.issue if registry else None,
            lender=lender,
        ) as maker,
    ):
        given = handover.Given(
            settings=settings,
            identity=process.identity,
            api=handover.Clients(connection=process.connection, free=free, budgeted=budgeted),
            maker=maker,
            leading=elector.is_leader,
            hooks=_hooks(process.counts),
            stop=process.stop,
            claim_signals=lambda: _claim_signals(process.stop),
            registry=registry,
        )
        await operator.run(process.found, given)


def _hooks(counts: controller.Controller) -> counting.Hooks:
    return counting.Hooks(
        passed=counts.passed,
        pushed=counts.pushed,
        built=counts.built,
        hit=counts.hit,
        worked=counts.worked,
        collected=counts.collected,
    )


async def _acquired(elector: leader.Elector, process: _Process) -> bool:
    """Return True once this process leads; False when it is told to stop before."""
    waiting = asyncio.create_task(elector.acquire(), name="acquire")
    told = asyncio.create_task(process.stop.wait(), name="stop")
    first = asyncio.FIRST_COMPLETED
    done, _ = await asyncio.wait({waiting, told}, timeout=STANDBY_SECONDS, return_when=first)
    if not done:
        process.found.unready = None
        await asyncio.wait({waiting, told}, return_when=first)
    led = waiting.done()
    for task in (waiting, told):
        task.cancel()
    await asyncio.gather(waiting, told, return_exceptions=True)
    return led


async def _keep(elector: leader.Elector, stop: asyncio.Event) -> None:
    """Renew the lease; once it is lost, end the process, by force if it does not end itself."""
    await elector.keep()
    stop.set()
    await asyncio.sleep(LOST_LEASE_SECONDS)
    os._exit(1)


def _claim_signals(stop: asyncio.Event) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stop.set)


@contextlib.asynccontextmanager
async def _metrics(
    settings: config.Settings,
    counts: controller.Controller,
    found: handover.Operator,
) -> AsyncIterator[None]:
    jobs = collectors.JobCollector(
        found.cache,
        retention=settings.metrics.finished_jobs_retention_seconds,
        clock=time.time,
    )
    app = metrics_server.application(
        own=counts.registry, jobs=jobs, healthy=_healthy(found), ready=lambda: found.unready
    )
    async with metrics_server.serve(app, port=settings.metrics.port):
        yield


def _healthy(found: handover.Operator) -> Callable[[], str | None]:
    """Return the liveness check: the loop answers, and no pass is stuck.

    Whether the API server answers is no part of it: an outage there must not restart operators.
    """

    def check() -> str | None:
        longest = found.queue.longest_running_seconds()
        return f"a pass has been running for {longest:.0f} s" if longest > STUCK_SECONDS else None

    return check
