"""What live jobs cost: memory, the peak after a restart among it, and reads while all is quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hack import apiserver
from tests.scale import burst, client, jobs, operator, stages

QUICK = (50,)
STEPS = (1000, 5000)
IDLE_SECONDS = 900.0
QUIET_SECONDS = 20.0


async def measure(
    api: client.Client,
    server: apiserver.ApiServer,
    one: operator.Operator,
    *,
    keep: stages.Keep,
    steps: Sequence[int] = STEPS,
) -> None:
    """Find MiB with no job and with each number of live jobs, and the reads among the first.

    A number's memory is the peak of the process that saw the jobs come, or of the one that found
    them at its start, whichever is more.
    """
    keep({"rss_0_mib": await _fresh(one)})
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
            for step in steps:
                names = [f"live-{index}" for index in range(done, step)]
                await api.post_all(
                    trainings, [jobs.training_job(each, hold=True) for each in names]
                )
                await client.until(
                    lambda wanted=step: len(running) >= wanted,  # type: ignore[misc]
                    what=f"{step} running jobs",
                    seconds=deadline(step),
                    changed=changed,
                )
                done = step
                keep({f"rss_{step}_mib": max(one.peak_mib(), await _fresh(one))})
                if step == steps[0]:
                    keep({"reads_steady_state": await _quiet_reads(one)})


def deadline(count: int) -> float:
    """Return the seconds in which so many jobs must run: the scheduler and kwok set the pace."""
    return 300 + 0.5 * count


async def _fresh(one: operator.Operator) -> float:
    """Restart the operator; return its peak once it has looked at all that it found."""
    await asyncio.to_thread(one.restart)
    await one.idle(seconds=IDLE_SECONDS)
    return one.peak_mib()


async def _quiet_reads(one: operator.Operator) -> float:
    """Return how many reads the operator makes while nothing changes.

    Soon after a restart, so that no sweep falls into it, which lists everything on purpose.
    """
    before = one.requests(*operator.READS)
    await asyncio.sleep(QUIET_SECONDS)
    return one.requests(*operator.READS) - before
