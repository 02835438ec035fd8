"""`python -m tests.scale [--quick] [--only STAGE]`: measure, write build/bench.json, judge.

The exit code is 1 where a figure is outside its range, was not found, or a stage broke off.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any

from hack import apiserver
from tests.benches import figures
from tests.scale import building, burst, client, jobs, live, operator, stages

KWOK_NODES = 100
ROUNDS = 5
NAMES = frozenset(
    {
        "build_unchanged_seconds",
        "burst_300_floor_seconds",
        "burst_300_job_p50_seconds",
        "burst_300_job_p99_seconds",
        "burst_300_seconds",
        "demo_apply_to_first_step_seconds",
        "loop_lag_p99_ms",
        "reads_steady_state",
        "rss_0_mib",
        "rss_1000_mib",
        "rss_5000_mib",
        "single_job_p50_seconds",
        "writes_per_job",
    }
)
"""What a whole run of this bench finds."""
STAGES = ("burst", "single", "build", "first-step", "live")
Info = dict[str, Any]


def main() -> int:
    """Run the bench; return 1 where a figure is outside its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="two rounds, and no memory of thousands of jobs"
    )
    parser.add_argument("--only", choices=STAGES, action="append", help="only this stage")
    asked = parser.parse_args()
    found: dict[str, float] = {}

    def keep(new: Mapping[str, float]) -> None:
        named = {name: value for name, value in new.items() if name in NAMES}
        found.update(named)
        figures.merge(named)
        for name, value in new.items():
            stages.say(f"{name:36} {value:10.3f}")

    only = asked.only or STAGES
    broken = asyncio.run(_measure(_cluster(), keep, only=only, quick=asked.quick))
    whole = () if asked.quick or asked.only else NAMES
    problems = [*broken, *figures.outside(found, figures.ranges("scale"), whole=whole)]
    for each in problems:
        stages.say(f"missed: {each}")
    return 1 if problems else 0


def _cluster() -> Info:
    command = [sys.executable, "-m", "hack.cluster"]
    subprocess.run([*command, "up", "--kwok", str(KWOK_NODES)], check=True)
    shown = subprocess.run([*command, "info", "-o", "json"], check=True, stdout=subprocess.PIPE)
    info: Info = json.loads(shown.stdout)
    return info


async def _measure(
    info: Info, keep: stages.Keep, *, only: Collection[str], quick: bool
) -> list[str]:
    """Run the stages and return a sentence for each that broke off."""
    server = apiserver.ApiServer.from_kubeconfig(info["kubeconfig"])
    one = operator.Operator(server)
    _unwatched(server)
    async with client.Client.open(info["kubeconfig"]) as api:
        stages.say(f"load average {os.getloadavg()[0]:.2f}; warm-up")
        workload = await burst.model_workload(api, server)
        await burst.burst(api, server, count=30)
        rounds = 2 if quick else ROUNDS

        async def bursts(keep: stages.Keep) -> None:
            keep(await _bursts(api, server, one, workload, rounds=rounds))

        async def single(keep: stages.Keep) -> None:
            seconds = await burst.single(api, server, count=5 if quick else 15)
            keep({"single_job_p50_seconds": figures.keep_rounds("single_job_seconds", seconds)})

        async def build(keep: stages.Keep) -> None:
            seconds = await building.unchanged(info["registry"]["push"], info["registry"]["pull"])
            keep(_median("build_unchanged_seconds", seconds))

        async def first_step(keep: stages.Keep) -> None:
            seconds = [await asyncio.to_thread(_first_step, server) for _ in range(rounds)]
            keep(_median("demo_apply_to_first_step_seconds", seconds))

        async def live_jobs(keep: stages.Keep) -> None:
            steps = live.QUICK if quick else live.STEPS
            await live.measure(api, server, one, keep=keep, steps=steps)

        every = dict(zip(STAGES, (bursts, single, build, first_step, live_jobs), strict=True))
        return await stages.run({name: every[name] for name in STAGES if name in only}, keep=keep)


def _median(name: str, rounds: list[float]) -> dict[str, float]:
    return {name: figures.keep_rounds(name, rounds)}


async def _bursts(
    api: client.Client,
    server: apiserver.ApiServer,
    one: operator.Operator,
    workload: jobs.Body,
    *,
    rounds: int,
) -> dict[str, float]:
    """Alternate floor and burst: what disturbs one disturbs the other."""
    floors, bursts, writes = [], [], []
    for number in range(1, rounds + 1):
        floors.append(await burst.floor(api, server, workload))
        before = one.requests(*operator.WRITES)
        bursts.append(await burst.burst(api, server))
        writes.append((one.requests(*operator.WRITES) - before) / burst.COUNT)
        stages.say(
            f"round {number}: floor {floors[-1]:.2f} s, burst {bursts[-1].all_created:.2f} s, "
            f"p50 {bursts[-1].percentile(0.5):.2f} s, p99 {bursts[-1].percentile(0.99):.2f} s, "
            f"{writes[-1]:.1f} writes a job"
        )
    keep = figures.keep_rounds
    return {
        "burst_300_floor_seconds": keep("burst_300_floor_seconds", floors),
        "burst_300_seconds": keep("burst_300_seconds", [each.all_created for each in bursts]),
        "burst_300_job_p50_seconds": keep(
            "burst_300_job_p50_seconds", [each.percentile(0.5) for each in bursts]
        ),
        "burst_300_job_p99_seconds": keep(
            "burst_300_job_p99_seconds", [each.percentile(0.99) for each in bursts]
        ),
        "writes_per_job": keep("writes_per_job", writes),
        "loop_lag_p99_ms": one.lag_p99_ms(),
    }


def _first_step(server: apiserver.ApiServer) -> float:
    """Return the seconds from apply to the end of the first step, of a real job on a real node."""
    path = apiserver.TRAINING_JOBS.format(namespace="default")
    server.delete(f"{path}/bench-first-step")
    server.wait_gone(path, "bench-first-step", what="an earlier job to go", seconds=60)
    body = jobs.training_job("bench-first-step")
    del body["spec"]["pod"]
    body["spec"]["training"] = {"epochs": 2}
    applied = time.time()
    server.create(path, body)
    job = server.wait(
        path,
        "bench-first-step",
        lambda each: "result" in (each.get("status") or {}),
        what="a job on the real node to end",
        seconds=180,
    )
    timeline = job["status"]["timeline"]
    since = datetime.datetime.fromisoformat(timeline["since"]).timestamp()
    return float(since + timeline["toFirstStep"] - applied)


def _unwatched(server: apiserver.ApiServer) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    body = jobs.unwatched_crd()
    name = body["metadata"]["name"]
    server.delete(f"{path}/{name}")
    server.wait_gone(path, name, what="the bench's CRD of before to go", seconds=60)
    server.create(path, body)
    server.wait(path, name, _established, what="the bench's CRD", seconds=30)


def _established(body: jobs.Body) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


if __name__ == "__main__":
    raise SystemExit(main())
