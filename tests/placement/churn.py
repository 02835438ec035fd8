"""What the operator spends on the reports of thousands of nodes."""

from __future__ import annotations

import asyncio
import itertools
import time

from hack import apiserver
from hack.cluster import fakes
from tests.scale import client, operator, stages

PER_SECOND = 100
SECONDS = 30.0
CALM_CORES = 0.05
"""What it may use while no node reports, before its cost is taken for that of the reports."""
CALM_SECONDS = 120.0


async def cores(api: client.Client, one: operator.Operator, *, count: int) -> float:
    """Return the cores that the operator uses while nodes report so often that they are there.

    The reports are of the kubelet's kind: a time in a condition, of one node after the other.
    """
    names = [fakes.node_name(index) for index in range(count)]
    await _warm(api, names)
    await _calm(one)
    turn = itertools.cycle(names)
    before, began = await asyncio.to_thread(_cpu, one), time.monotonic()
    sent, tasks = 0, set()
    async with asyncio.timeout(SECONDS * 4):
        while (passed := time.monotonic() - began) < SECONDS:
            for _ in range(int(passed * PER_SECOND) - sent):
                task = asyncio.create_task(_report(api, next(turn), sent))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
        after = await asyncio.to_thread(_cpu, one)
    taken = time.monotonic() - began
    if sent / taken < PER_SECOND * 0.9:
        raise TimeoutError(f"only {sent / taken:.0f} reports a second were taken")
    return (after - before) / taken


async def _warm(api: client.Client, names: list[str]) -> None:
    """Have each node report once.

    The cluster's own controllers answer the first report of a node with a write of theirs: its
    `node.alpha.kubernetes.io/ttl` follows the number of nodes. That would be counted twice.
    """
    gate = asyncio.Semaphore(client.CONNECTIONS)

    async def report(name: str) -> None:
        async with gate:
            await _report(api, name, -1)

    await asyncio.gather(*(report(name) for name in names))


async def _calm(one: operator.Operator) -> None:
    """Return once the operator has taken in what came before."""
    async with asyncio.timeout(CALM_SECONDS):
        used = CALM_CORES
        while used >= CALM_CORES:
            before, began = await asyncio.to_thread(_cpu, one), time.monotonic()
            await asyncio.sleep(2)
            after = await asyncio.to_thread(_cpu, one)
            used = (after - before) / (time.monotonic() - began)
    stages.say(f"{'while no node reports: cores':36} {used:10.3f}")


async def _report(api: client.Client, name: str, number: int) -> None:
    stamp = f"2026-01-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
    condition = {"type": "DiskPressure", "status": "False", "lastHeartbeatTime": stamp}
    await api.patch(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}})


def _cpu(one: operator.Operator) -> float:
    """Return the seconds of CPU that it has used."""
    return one.samples()["process_cpu_seconds_total", ()]


def no_node_fits_seconds(server: apiserver.ApiServer, namespace: str) -> float:
    """Return how long a job that no node can hold waits to be told so."""
    path = apiserver.TRAINING_JOBS.format(namespace=namespace)
    body = {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "large"},
        "spec": {
            "framework": "pytorch",
            "model": {"name": "cnn"},
            "data": {"name": "digits"},
            "accelerator": {"type": "gpu", "count": 64},
        },
    }
    began = time.monotonic()
    server.create(path, body)
    server.wait(path, "large", _told, what="NoNodeFits", seconds=60)
    return time.monotonic() - began


def _told(job: apiserver.Body) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["reason"] == "NoNodeFits" for each in conditions)
