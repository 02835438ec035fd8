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
from collections.abc import Coroutine
from typing import Any

from trainshed.core import policy
from trainshed.kube import kinds, stores
from trainshed.progress import authority, certificates
from trainshed.runtime import (
    bundled,
    classing,
    handover,
    kopf_adapter,
    listening,
    loop,
    membership,
    pacing,
    parts,
    placers,
    policies,
    pushes,
    sweeper,
    tasks,
    watches,
    workqueue,
)

log = logging.getLogger(__name__)


async def run(found: handover.Operator, given: handover.Given) -> None:
    """Operate until told to stop; raises where a watch or a task of ours fails for good."""
    signer = await _authority(given)
    placer = await placers.found(given.api.free, given.settings.placement.gang)
    rules = policies.of(given.settings, given.identity, signer, placer)
    made = parts.make(found, given, rules)
    found.cache.places.on_change(lambda key: found.queue.add(key, workqueue.Priority.LOW))
    watched = await watches.of(given.settings, given.api.free)
    async with contextlib.AsyncExitStack() as stack:
        served = await _serve(stack, found, given, made, rules, signer)
        stack.push_async_callback(made.following.close)
        stack.push_async_callback(made.builds.close)
        stack.push_async_callback(made.workers.stop)
        for name, task in _tasks(found, given, made, served, watched).items():
            await stack.enter_async_context(tasks.owned(name, task, stop=given.stop))
        # Before anything is listed: no job of the first moment may find no class.
        await classing.prepare(given.api.budgeted, given.settings.accelerator_classes)
        await _watch(found, given, made, watched)


async def _serve(
    stack: contextlib.AsyncExitStack,
    found: handover.Operator,
    given: handover.Given,
    made: parts.Parts,
    rules: policy.Policy,
    signer: certificates.KeyPair,
) -> listening.Listening:
    """Serve trainers and builds as long as the stack is open."""
    pacer = pacing.Pacer(found.queue.add, interval=rules.progress_interval)
    stack.callback(pacer.close)
    stack.callback(found.cache.places.close)
    served = listening.Listening(
        settings=given.settings,
        identity=given.identity,
        api=given.api.free,
        signer=signer,
        registry=given.registry,
    )
    sink = pushes.Pushes(cache=found.cache, pacer=pacer)
    serving = served.serve(
        found.cache, sink, made.following.hear, leading=given.leading, count=given.hooks.pushed
    )
    await stack.enter_async_context(serving)
    return served


def _tasks(
    found: handover.Operator,
    given: handover.Given,
    made: parts.Parts,
    served: listening.Listening,
    watched: tuple[sweeper.Watched, ...],
) -> dict[str, Coroutine[Any, Any, None]]:
    """Return what goes on beside the watches, by name."""
    members = membership.Membership(found.cache, made.incoming)
    return {
        "events": made.recorder.run(),
        "sweeper": sweeper.Sweeper(given.api.free, members, watched, random=random.random).run(),
        "routing": served.stay_routed(),
        "first-pass": _start_when_synced(found, made.workers),
        "classes": classing.run(
            given.api.budgeted,
            found.cache.places,
            given.settings.accelerator_classes,
            synced=found.synced,
            clock=time.time,
        ),
        **bundled.tasks(
            given.registry,
            given.settings,
            client=given.maker.own(),
            cache=found.cache,
            synced=found.synced,
            order=made.order,
            count=given.hooks.collected,
        ),
    }


async def _watch(
    found: handover.Operator,
    given: handover.Given,
    made: parts.Parts,
    watched: tuple[sweeper.Watched, ...],
) -> None:
    await kopf_adapter.run(
        given.api.connection,
        watched,
        on_event=lambda kind, type_, body: made.incoming.event(kind.plural, type_, body),
        census=lambda each: sweeper.census(given.api.free, each),
        synced=found.synced,
        stop_flag=given.stop,
        namespaces=given.settings.namespaces,
        claim_signals=given.claim_signals,
    )


async def _start_when_synced(found: handover.Operator, workers: loop.Workers[handover.Key]) -> None:
    """Begin to act once all that exists is known: no pass takes a gap for a loss."""
    await found.synced.wait()
    workers.start()
    found.unready = None
    log.info("synced", extra={"trainingjobs": sum(1 for _ in found.cache.jobs())})
    await asyncio.Event().wait()


async def _authority(given: handover.Given) -> certificates.KeyPair:
    namespace = given.identity.namespace
    store = stores.Store(given.api.free, kinds.SECRETS, namespace)
    name = given.settings.progress.ca_secret
    return await authority.ensure(store, name=name, namespace=namespace, now=time.time())
