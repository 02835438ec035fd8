"""Fake nodes: any number of them, whose pods run and complete without a machine.

A pod comes to a fake node only if it tolerates the taint. One that says
trainshed.dev/bench=hold keeps running; every other Job's pod completes at once.
"""

from __future__ import annotations

import pathlib

from hack.cluster import api, console, documents, processes, settings, waiting
from hack.cluster.host import kubeconfigs, plan

STAGES = pathlib.Path(__file__).parents[1] / "stages.yaml"
ANNOTATION = "kwok.x-k8s.io/node"
HOLD = "trainshed.dev/bench"
_LABEL = "type=kwok"
_NODES = "/api/v1/nodes"


def component(planned: plan.Plan) -> processes.Component:
    # A copy, so that the process does not depend on the source tree.
    stages = documents.write(planned.cluster.config / "stages.yaml", STAGES.read_text("utf-8"))
    client = kubeconfigs.component(planned, "kwok")
    argv = (
        str(planned.programs["kwok"]),
        f"--kubeconfig={client}",
        f"--config={stages}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        "--node-lease-duration-seconds=40",
        f"--cidr={settings.FAKE_POD_CIDR}",
        f"--server-address=127.0.0.1:{planned.ports['kwok']}",
        "--v=WARN",
    )
    return processes.Component("kwok", argv, (client, stages))


def node_name(index: int) -> str:
    return f"trainshed-fake-{index:04d}"


def node(index: int) -> dict[str, object]:
    """Return a fake node, with room for more pods than any benchmark makes."""
    name = node_name(index)
    room = {"cpu": "1k", "memory": "1Ti", "pods": "10k"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {ANNOTATION: "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "type": "kwok",
                HOLD: "hold",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/exclude-from-external-load-balancers": "true",
            },
        },
        "spec": {"taints": [{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": room, "allocatable": room},
    }


def names(client: api.Api) -> set[str]:
    """Return the fake nodes that there are."""
    found = client.get(f"{_NODES}?labelSelector={_LABEL}")
    return {item["metadata"]["name"] for item in found["items"]}


def scale(client: api.Api, *, count: int, step: console.Step) -> None:
    """Make count fake nodes and no more, and wait until each is Ready."""
    present = names(client)
    wanted = {node_name(index): index for index in range(count)}
    for name in sorted(present - wanted.keys()):
        client.delete(f"{_NODES}/{name}")
    for name in wanted.keys() - present:
        client.create(_NODES, node(wanted[name]))
        step.update(f"node {name}")
    waiting.until(
        f"{count} fake nodes to be Ready",
        lambda: _unready(client, count=count),
        seconds=60 + count / 10,
        step=step,
    )


def _unready(client: api.Api, *, count: int) -> str | None:
    found = client.get(f"{_NODES}?labelSelector={_LABEL}")["items"]
    ready = sum(is_ready(item) for item in found)
    return None if ready == len(found) == count else f"{ready} of {len(found)} are"


def is_ready(item: dict[str, dict[str, list[dict[str, str]]]]) -> bool:
    """Tell whether a node says that it is Ready."""
    conditions = item.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
