"""How much memory live jobs take, the peak after a restart among it."""

from __future__ import annotations

import asyncio

from hack import apiserver
from tests.scale import burst, client, jobs, operator

STEPS = (1000, 5000)
SECONDS = 900.0


async def measure(
    api: client.Client, server: apiserver.ApiServer, one: operator.Operator
) -> dict[str, float]:
    """Return the MiB with 0, 1,000 and 5,000 live jobs: each the peak of a fresh process."""
    figures = {}
    await asyncio.to_thread(one.restart)
    figures["rss_0_mib"] = one.peak_mib()
    async with burst.namespace(server) as name:
        trainings = apiserver.TRAINING_JOBS.format(namespace=name)
        running: set[str] = set()
        changed = asyncio.Event()

        def seen(kind: str, body: jobs.Body) -> None:
            if (body.get("status") or {}).get("phase") == "Running":
                running.add(body["metadata"]["name"])
                changed.set()

        done = 0
        async with api.watching(trainings, seen):
            for step in STEPS:
                names = [f"live-{index}" for index in range(done, step)]
                await api.post_all(
                    trainings, [jobs.training_job(each, hold=True) for each in names]
                )
                await client.until(
                    lambda wanted=step: len(running) >= wanted,  # type: ignore[misc]
                    what=f"{step} running jobs",
                    seconds=SECONDS,
                    changed=changed,
                )
                done = step
                before = one.peak_mib()
                await asyncio.to_thread(one.restart)
                figures[f"rss_{step}_mib"] = max(before, one.peak_mib())
    return figures
