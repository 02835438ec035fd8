"""Fake nodes: any number of them, whose pods run and complete without a machine.

A pod comes to a fake node only if it tolerates the taint. One that says
trainshed.dev/bench=hold keeps running; every other Job's pod completes at once.

A node is made Ready and whole, as a kubelet registers one, and needs nobody to make it so: with
thousands of them, each write a node is what takes the time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from concurrent import futures
from typing import Any

from hack import apiserver
from hack.cluster import console, nodes, waiting

Body = Mapping[str, Any]
ANNOTATION = "kwok.x-k8s.io/node"
HOLD = "trainshed.dev/bench"
PREFIX = "trainshed-fake-"
AT_ONCE = 8
"""Nodes that are made, or go, side by side."""
_COUNTED = f"{'='.join(nodes.FAKE_LABEL)},!{nodes.DEVICES_LABEL[0]}"


def node_name(index: int) -> str:
    return f"{PREFIX}{index:04d}"


def node(index: int) -> Body:
    """Return a fake node, with room for more pods than any benchmark makes."""
    return body(
        node_name(index),
        labels={HOLD: "hold"},
        taints=[{"key": ANNOTATION, "value": "fake", "effect": "NoSchedule"}],
        room={"cpu": "1k", "memory": "1Ti", "pods": "10k"},
    )


def body(
    name: str,
    *,
    labels: Mapping[str, str],
    taints: Sequence[Mapping[str, str]],
    room: Mapping[str, str],
) -> Body:
    """Return a node whose kubelet kwok plays."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {ANNOTATION: "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                **dict([nodes.FAKE_LABEL]),
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/exclude-from-external-load-balancers": "true",
                **labels,
            },
        },
        "spec": {"taints": list(taints)},
        "status": {
            "capacity": dict(room),
            "allocatable": dict(room),
            "phase": "Running",
            "conditions": conditions(),
        },
    }


def conditions() -> list[dict[str, str]]:
    """Return what a sound node says of itself now."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False"}
    return [
        {
            "type": type_,
            "status": status,
            "reason": "Fake",
            "message": "nobody looked",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for type_, status in said.items()
    ]


def names(client: apiserver.ApiServer, *, selected: str = _COUNTED) -> set[str]:
    """Return the fake nodes that there are: those that are counted, or others by their labels."""
    found = client.get(nodes.PATH, labelSelector=selected)
    return {item["metadata"]["name"] for item in found["items"]}


def scale(client: apiserver.ApiServer, *, count: int, step: console.Step) -> None:
    """Make count fake nodes and no more, and wait until each is Ready."""
    keep(client, map(node, range(count)), selected=_COUNTED, step=step)


def keep(
    client: apiserver.ApiServer, wanted: Iterable[Body], *, selected: str, step: console.Step
) -> None:
    """Have these nodes and no other of those that are selected, and wait until each is Ready."""
    bodies = {each["metadata"]["name"]: each for each in wanted}
    present = names(client, selected=selected)

    def make(name: str) -> str:
        client.create(nodes.PATH, bodies[name])
        return name

    def remove(name: str) -> str:
        client.delete(f"{nodes.PATH}/{name}")
        return name

    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name in pool.map(remove, sorted(present - bodies.keys())):
            step.update(f"node {name} goes")
        for name in pool.map(make, sorted(bodies.keys() - present)):
            step.update(f"node {name}")
    waiting.until(
        f"{len(bodies)} fake nodes to be Ready",
        lambda: _unready(client, selected, count=len(bodies)),
        seconds=60 + len(bodies) / 10,
        every=max(waiting.INTERVAL_SECONDS, len(bodies) / 1000),
        step=step,
    )


def _unready(client: apiserver.ApiServer, selected: str, *, count: int) -> str | None:
    found = client.get(nodes.PATH, labelSelector=selected)["items"]
    ready = sum(nodes.is_ready(item) and not nodes.is_new(item) for item in found)
    return None if ready == len(found) == count else f"{ready} of {len(found)} are"
