"""Fake nodes: any number of them, whose pods run and complete without a machine.

A pod comes to a fake node only if it tolerates the taint. One that says
trainshed.dev/bench=hold keeps running; every other Job's pod completes at once.
"""

from __future__ import annotations

import pathlib
from concurrent import futures

from hack import apiserver
from hack.cluster import console, documents, nodes, processes, settings, waiting

STAGES = pathlib.Path(__file__).with_name("stages.yaml")
ANNOTATION = "kwok.x-k8s.io/node"
HOLD = "trainshed.dev/bench"
AT_ONCE = 8
"""Nodes that are made, or go, side by side."""
_SELECTED = "=".join(nodes.FAKE_LABEL)


def component(
    cluster: settings.Settings, *, program: pathlib.Path, kubeconfig: pathlib.Path, port: int
) -> processes.Component:
    """Return kwok, which plays the kubelet of every fake node."""
    # A copy, so that the process does not depend on the source tree.
    stages = documents.write(cluster.config / "stages.yaml", STAGES.read_text("utf-8"))
    argv = (
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--config={stages}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
        "--node-lease-duration-seconds=40",
        f"--cidr={settings.FAKE_POD_CIDR}",
        f"--server-address=127.0.0.1:{port}",
        "--v=WARN",
    )
    return processes.Component("kwok", argv, (kubeconfig, stages))


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
                **dict([nodes.FAKE_LABEL]),
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


def names(client: apiserver.ApiServer) -> set[str]:
    """Return the fake nodes that there are."""
    found = client.get(nodes.PATH, labelSelector=_SELECTED)
    return {item["metadata"]["name"] for item in found["items"]}


def scale(client: apiserver.ApiServer, *, count: int, step: console.Step) -> None:
    """Make count fake nodes and no more, and wait until each is Ready."""
    present = names(client)
    wanted = {node_name(index): index for index in range(count)}

    def make(name: str) -> str:
        client.create(nodes.PATH, node(wanted[name]))
        return name

    def remove(name: str) -> str:
        client.delete(f"{nodes.PATH}/{name}")
        return name

    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name in pool.map(remove, sorted(present - wanted.keys())):
            step.update(f"node {name} goes")
        for name in pool.map(make, sorted(wanted.keys() - present)):
            step.update(f"node {name}")
    waiting.until(
        f"{count} fake nodes to be Ready",
        lambda: _unready(client, count=count),
        seconds=60 + count / 10,
        step=step,
    )


def _unready(client: apiserver.ApiServer, *, count: int) -> str | None:
    found = client.get(nodes.PATH, labelSelector=_SELECTED)["items"]
    ready = sum(nodes.is_ready(item) for item in found)
    return None if ready == len(found) == count else f"{ready} of {len(found)} are"


def apply(
    supervisor: processes.Supervisor,
    component: processes.Component,
    *,
    client: apiserver.ApiServer,
    count: int,
    step: console.Step,
) -> None:
    """Run kwok and make count fake nodes; with 0 remove them, and kwok last."""
    if count and not supervisor.current(component):
        supervisor.start(component)
    scale(client, count=count, step=step)
    if not count:
        supervisor.stop(component.name)
