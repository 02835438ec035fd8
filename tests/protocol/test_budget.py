"""The API-call budget of a job's whole life, counted where the requests arrive."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import kmock as kmocks
import pytest

from tests import builders
from tests.protocol import connections, waiting
from tests.unit.runtime import buildings
from trainshed.core import observed, plan, policy
from trainshed.kube import client, events, objects, ratelimit, transport
from trainshed.runtime import (
    building,
    intake,
    loop,
    reconciler,
    recording,
    workqueue,
)
from trainshed.runtime import cache as caches

pytestmark = pytest.mark.kmock(cls=kmocks.KubernetesScaffold)

WRITES_PER_JOB = 16
JOBS = f"/apis/batch/v1/namespaces/{builders.NAMESPACE}/jobs"
STATUS = (
    f"/apis/trainshed.dev/v1alpha1/namespaces/{builders.NAMESPACE}"
    f"/trainingjobs/{builders.NAME}/status"
)
EVENTS = f"/api/v1/namespaces/{builders.NAMESPACE}/events"
KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)
Kind = intake.Kind


class Maker:
    """A fake of the image builder: the registry is no part of this budget."""

    async def make(
        self, namespace: str, order: plan.BuildOrder, files: Mapping[str, bytes]
    ) -> observed.BuiltImage:
        """Return an image that existed."""
        return observed.BuiltImage(builders.IMAGE, "b-1", builders.BASE, True, 0.0, 0)


class Server:
    """The API server's side of one TrainingJob: what is patched into it is returned."""

    def __init__(self) -> None:
        self.body = builders.training_job().cnn().version(1).build()

    def patched(self, request: Any) -> Any:
        """Merge a status patch and return the object with a new version."""
        patch = request.data["status"]
        self.body["status"] = _merged(self.body.get("status") or {}, patch)
        self.body["metadata"]["resourceVersion"] = str(
            int(self.body["metadata"]["resourceVersion"]) + 1
        )
        return self.body


def _merged(before: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    out = {key: value for key, value in before.items() if patch.get(key, 0) is not None}
    for key, value in patch.items():
        if isinstance(value, dict):
            known = out.get(key)
            out[key] = _merged(known if isinstance(known, dict) else {}, value)
        elif value is not None:
            out[key] = value
    return out


async def test_a_job_costs_at_most_16_writes_and_a_quiet_one_no_read(
    kmock: Any, tmp_path: pathlib.Path
) -> None:
    server, counted = Server(), Counter[str]()
    kmock[f"post {JOBS}"] << builders.job().owned_by(builders.UID).build()
    kmock[f"patch {STATUS}"] << server.patched
    kmock[f"post {EVENTS}"] << {"metadata": {"name": "event"}}
    wire = transport.Transport(
        await connections.connect(kmock.url, tmp_path),
        observe=lambda verb, code: counted.update([verb]),
    )
    api = client.ApiClient(wire, limiter=ratelimit.Limiter())
    queue = workqueue.WorkQueue[observed.JobKey](random=lambda: 0.5)
    cache = caches.Cache()
    clock = _Clock()
    writer = objects.Objects(api)
    recorder = events.Recorder(api, instance="operator-0")
    passes = reconciler.Reconciler(
        cache=cache,
        api=writer,
        builds=building.Builds(
            cache=cache,
            maker=Maker(),
            api=writer,
            clock=clock,
            wake=queue.add,
            pods=buildings.following(cache, writer),
            mounts=buildings.Mounts(),
        ),
        recorder=recording.Recording(recorder),
        settings=policy.Policy(base_images={"pytorch": builders.BASE}),
        clock=clock,
        again=queue.add,
    )
    workers = loop.Workers(queue, passes.reconcile, count=4)
    incoming = intake.Intake(cache=cache, wake=queue.add, clock=clock)
    recording_task = asyncio.create_task(recorder.run())
    workers.start()

    def quiet() -> bool:
        idle = not queue.running() and not any(queue.depth(each) for each in workqueue.Priority)
        return idle and not recorder.pending()

    try:
        for at, kind, body in _life():
            clock.now = builders.T0 + at
            incoming.event(kind, "MODIFIED", body)
            await waiting.until(quiet)
        await waiting.until(lambda: server.body["status"]["phase"] == "Succeeded")
        await waiting.until(quiet)
        writes = counted["create"] + counted["patch"] + counted["delete"]
        before = counted.total()
        queue.add(KEY)
        await waiting.until(quiet)
    finally:
        await workers.stop()
        recording_task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await recording_task
        await wire.close()

    assert counted["create"] >= 1
    assert writes <= WRITES_PER_JOB, counted
    assert counted["get"] == counted["list"] == counted["raw"] == 0
    assert counted.total() == before


class _Clock:
    now = builders.T0

    def __call__(self) -> float:
        return self.now


def _life() -> list[tuple[float, str, dict[str, Any]]]:
    """Return what the watch tells of a job in an ordinary life: when, of what kind, what."""
    training = builders.training_job().cnn().version(1).build()
    return [
        (0.1, Kind.TRAINING_JOB, training),
        (0.2, Kind.JOB, builders.job().owned_by(builders.UID).version(10).build()),
        (0.3, Kind.POD, builders.pod().version(11).build()),
        (0.5, Kind.POD, builders.pod().on_node().version(12).build()),
        (1.5, Kind.POD, builders.pod().on_node().running().version(13).build()),
        (60.0, Kind.POD, builders.pod().on_node().succeeded().version(14).build()),
        (61.0, Kind.JOB, builders.job().owned_by(builders.UID).complete(60).version(15).build()),
    ]
