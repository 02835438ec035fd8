"""Makes the parts of the leader: what takes in, decides, builds and writes. Starts none of them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from trainshed.core import policy
from trainshed.granting import asking
from trainshed.kube import cluster, events, objects
from trainshed.progress import builders
from trainshed.registry import surroundings
from trainshed.runtime import (
    admitting,
    building,
    bundled,
    gates,
    handover,
    intake,
    loop,
    mounts,
    podbuilds,
    prepulls,
    reconciler,
    recording,
    seams,
    stalls,
    turns,
    workqueue,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What goes on as long as this process leads."""

    recorder: events.Recorder
    incoming: intake.Intake
    following: podbuilds.PodBuilds
    builds: building.Builds
    workers: loop.Workers[handover.Key]
    order: turns.Turns
    """Of builds and of what lets old images go: never both."""


def make(found: handover.Operator, given: handover.Given, rules: policy.Policy) -> Parts:
    """Return all of them, by the settings and the rules that are made of those."""
    writer, order = _writer(given), turns.Turns()
    recorder = events.Recorder(given.api.budgeted, instance=given.identity.pod)
    following = _following(found, given, writer, rules)
    builds = _builds(found, given, writer, following, order)
    return Parts(
        recorder=recorder,
        incoming=_incoming(found, given, following),
        following=following,
        builds=builds,
        workers=_workers(found, given, writer, builds, recording.Recording(recorder), rules),
        order=order,
    )


def _incoming(
    found: handover.Operator, given: handover.Given, following: podbuilds.PodBuilds
) -> intake.Intake:
    return intake.Intake(
        cache=found.cache,
        wake=found.queue.add,
        clock=time.time,
        built=following.changed,
        refused=bundled.watched(given.registry, found.cache),
        places=found.cache.places,
    )


def _writer(given: handover.Given) -> seams.Writer:
    if given.registry is None:
        return objects.Objects(given.api.budgeted)
    return admitting.Objects(given.api.budgeted, given.registry.keeper.ensure)


def _following(
    found: handover.Operator, given: handover.Given, writer: seams.Writer, rules: policy.Policy
) -> podbuilds.PodBuilds:
    settings, namespace = given.settings, given.identity.namespace
    tokens = asking.for_pods(settings, namespace=namespace, ca_pem=rules.ca_pem)
    told = builders.address(settings.progress, namespace=namespace, ca_pem=rules.ca_pem)
    return podbuilds.PodBuilds(
        cache=found.cache,
        api=writer,
        answers=given.maker,
        given=surroundings.of(settings, operator=told, tokens=tokens),
        repository=surroundings.repository(settings.registry),
        worked=given.hooks.worked,
        gate=gates.Gate(writer, settings.builder.dockerfile.enabled),
        prepull=prepulls.Prepulls(
            writer, nodes=settings.builder.pre_pull_nodes, pull_secret=rules.pull_secret
        ).begin,
    )


def _builds(
    found: handover.Operator,
    given: handover.Given,
    writer: seams.Writer,
    following: podbuilds.PodBuilds,
    order: turns.Turns,
) -> building.Builds:
    return building.Builds(
        cache=found.cache,
        maker=given.maker,
        api=writer,
        clock=time.time,
        wake=found.queue.add,
        pods=following,
        mounts=mounts.Mounts(cluster.Cluster(given.api.free), clock=time.monotonic),
        observe=given.hooks.built,
        hit=given.hooks.hit,
        worked=given.hooks.worked,
        deadline=given.settings.build_deadline_seconds,
        order=order,
    )


def _workers(
    found: handover.Operator,
    given: handover.Given,
    writer: seams.Writer,
    builds: building.Builds,
    recorder: seams.Recorder,
    rules: policy.Policy,
) -> loop.Workers[handover.Key]:
    passes = reconciler.Reconciler(
        cache=found.cache,
        api=writer,
        builds=builds,
        recorder=recorder,
        settings=rules,
        clock=time.time,
        again=lambda key: found.queue.add(key, workqueue.Priority.LOW),
    )
    told = stalls.Stalls(
        passes.reconcile, cache=found.cache, api=writer, recorder=recorder, clock=time.time
    )
    return loop.Workers(
        found.queue, told.reconcile, count=given.settings.workers, observe=given.hooks.passed
    )
