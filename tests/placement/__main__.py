"""`python -m tests.placement [--quick]`: measure, write build/bench.json, judge.

The exit code is 1 where a figure is outside its range, was not found, or a stage broke off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys

from hack import apiserver
from tests.benches import figures
from tests.placement import churn, decisions
from tests.scale import burst, client, operator, stages

NAMES = frozenset(
    {"placement_5000_nodes_p99_ms", "node_churn_5000_cpu_cores", "no_node_fits_seconds"}
)
"""What a whole run of this bench finds."""
CLUSTER = [sys.executable, "-m", "hack.cluster"]


def main() -> int:
    """Run the bench; return 1 where a figure is outside its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="decisions alone, without a cluster")
    asked = parser.parse_args()
    stages.say(f"load average {os.getloadavg()[0]:.2f}")
    found = {"placement_5000_nodes_p99_ms": decisions.p99_ms(alike=True)}
    apart = decisions.p99_ms(alike=False)
    stages.say(f"{'no two nodes alike: p99 in ms':36} {apart:10.3f}")
    broken = [] if asked.quick else _with_nodes(found)
    figures.merge(found)
    for name, value in found.items():
        stages.say(f"{name:36} {value:10.3f}")
    whole = () if asked.quick else NAMES
    problems = [*broken, *figures.outside(found, figures.ranges("placement"), whole=whole)]
    for each in problems:
        stages.say(f"missed: {each}")
    return 1 if problems else 0


def _with_nodes(found: dict[str, float]) -> list[str]:
    """Measure with fake nodes, which go at the end."""
    subprocess.run([*CLUSTER, "up", "--kwok", str(decisions.NODES)], check=True)
    try:
        shown = subprocess.run([*CLUSTER, "info", "-o", "json"], check=True, stdout=subprocess.PIPE)
        return asyncio.run(_measure(json.loads(shown.stdout)["kubeconfig"], found))
    finally:
        subprocess.run([*CLUSTER, "up", "--kwok", "0"], check=True)


async def _measure(kubeconfig: str, found: dict[str, float]) -> list[str]:
    server = apiserver.ApiServer.from_kubeconfig(kubeconfig)
    one = operator.Operator(server)
    async with client.Client.open(kubeconfig) as api:

        async def churned(keep: stages.Keep) -> None:
            cores = await churn.cores(api, one, count=decisions.NODES)
            keep({"node_churn_5000_cpu_cores": cores})

        async def told(keep: stages.Keep) -> None:
            async with burst.namespace(server) as name:
                seconds = await asyncio.to_thread(churn.no_node_fits_seconds, server, name)
                keep({"no_node_fits_seconds": seconds})

        return await stages.run({"told": told, "churn": churned}, keep=found.update)


if __name__ == "__main__":
    sys.exit(main())
