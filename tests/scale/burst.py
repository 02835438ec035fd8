"""A burst of jobs, one job at a time, and the floor that one client sets."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hack import apiserver
from tests.scale import client, jobs, stages

COUNT = 300
SECONDS = 120.0
GONE_SECONDS = 900.0
"""The garbage collector takes minutes for the pods and Events of thousands of jobs."""
Body = jobs.Body


@dataclass(frozen=True)
class Round:
    """One burst, in seconds."""

    all_created: float
    latencies: list[float]

    def percentile(self, share: float) -> float:
        """Return a percentile of apply to Job created."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def burst(api: client.Client, server: apiserver.ApiServer, *, count: int = COUNT) -> Round:
    """Create jobs at once; return how long their Jobs took to appear."""
    async with namespace(server) as name:
        found = await _timed(api, name, [f"burst-{index}" for index in range(count)])
        await finished(api, apiserver.TRAINING_JOBS.format(namespace=name), count)
    return found


async def single(
    api: client.Client, server: apiserver.ApiServer, *, count: int = 15
) -> list[float]:
    """Return the seconds from apply to the Job, of jobs that come one at a time."""
    seconds = []
    async with namespace(server) as name:
        for number in range(1, count + 1):
            found = await _timed(api, name, [f"single-{number}"])
            seconds.extend(found.latencies)
            await finished(api, apiserver.TRAINING_JOBS.format(namespace=name), number)
    return seconds


async def _timed(api: client.Client, namespace: str, names: list[str]) -> Round:
    created: dict[str, float] = {}
    changed = asyncio.Event()

    def seen(kind: str, body: Body) -> None:
        if kind == "ADDED":
            created[body["metadata"]["name"].rpartition("-")[0]] = time.monotonic()
            changed.set()

    async with api.watching(apiserver.JOBS.format(namespace=namespace), seen):
        bodies = [jobs.training_job(each) for each in names]
        started = time.monotonic()
        sent = await api.post_all(apiserver.TRAINING_JOBS.format(namespace=namespace), bodies)
        await client.until(
            lambda: created.keys() >= sent.keys(),
            what=f"{len(names)} Jobs",
            seconds=SECONDS,
            changed=changed,
        )
    ended = max(created.values()) - started
    return Round(ended, [created[each] - at for each, at in sent.items()])


async def floor(
    api: client.Client, server: apiserver.ApiServer, workload: Body, *, count: int = COUNT
) -> float:
    """Return the seconds in which one client creates as many TrainingJobs and as many Jobs.

    The TrainingJobs are of another group with the same schema, so that nobody reconciles them.
    """
    async with namespace(server) as name:
        trainings = [jobs.unwatched(f"floor-{index}") for index in range(count)]
        copies = [
            {**workload, "metadata": {"name": f"floor-{index}-1", "namespace": name}}
            for index in range(count)
        ]
        started = time.monotonic()
        await api.post_all(jobs.UNWATCHED.format(namespace=name), trainings)
        await api.post_all(apiserver.JOBS.format(namespace=name), copies)
        seconds = time.monotonic() - started
        await _complete(api, apiserver.JOBS.format(namespace=name), count)
    return seconds


async def model_workload(api: client.Client, server: apiserver.ApiServer) -> Body:
    """Return the Job that the operator makes of a bench's job, without what is its own."""
    async with namespace(server) as name:
        path = apiserver.TRAINING_JOBS.format(namespace=name)
        await api.send("POST", path, jobs.training_job("model"))
        body = await asyncio.to_thread(
            server.wait,
            apiserver.JOBS.format(namespace=name),
            "model-1",
            lambda _: True,
            what="a Job to copy",
            seconds=60,
        )
    spec = {key: value for key, value in body["spec"].items() if key != "selector"}
    metadata = {"annotations": spec["template"]["metadata"]["annotations"]}
    template = {"metadata": metadata, "spec": spec["template"]["spec"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {**spec, "template": template}}


async def finished(api: client.Client, trainings: str, count: int) -> None:
    """Return once all jobs of a namespace have ended: one round must not disturb the next."""
    async with asyncio.timeout(300):
        while await _unfinished(api, trainings, count):  # noqa: ASYNC110 - it is not timed
            await asyncio.sleep(1)


async def _unfinished(api: client.Client, trainings: str, count: int) -> bool:
    items = (await api.send("GET", trainings))["items"]
    phases = [(each.get("status") or {}).get("phase") for each in items]
    return sum(phase in ("Succeeded", "Failed") for phase in phases) < count


async def _complete(api: client.Client, workloads: str, count: int) -> None:
    """Return once all Jobs have ended: pods that still run hold up the namespace's end."""
    async with asyncio.timeout(300):
        while True:
            items = (await api.send("GET", workloads))["items"]
            if sum(each["status"].get("succeeded", 0) for each in items) >= count:
                return
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def namespace(
    server: apiserver.ApiServer, *, gone_seconds: float = GONE_SECONDS
) -> AsyncIterator[str]:
    """Yield a namespace, deleted and gone afterwards; one that stays is told and left."""
    name = f"scale-{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(jobs.namespace, server, name)
    try:
        yield name
    finally:
        try:
            await asyncio.to_thread(_delete, server, name, gone_seconds)
        except stages.TROUBLE as error:
            stages.say(f"note: the namespace {name} is left, what follows may be slower: {error}")


def _delete(server: apiserver.ApiServer, name: str, seconds: float) -> None:
    path = "/api/v1/namespaces"
    server.delete(f"{path}/{name}")
    server.wait_gone(path, name, what=f"namespace {name} to go", seconds=seconds)
