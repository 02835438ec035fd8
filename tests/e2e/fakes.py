"""Nodes without a machine, whose pods run and do nothing: kwok's, of the local cluster."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from hack import apiserver
from hack.cluster import fakes
from tests.e2e import conftest

NODES = "/api/v1/nodes"
TOLERATIONS = [{"key": fakes.ANNOTATION, "operator": "Exists"}]
"""By which pods come to them."""


@contextlib.contextmanager
def nodes(
    api: apiserver.ApiServer,
    *names: str,
    devices: Mapping[str, int],
    labels: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Have nodes with these devices, of which the bench's own count knows nothing."""
    _started(api)
    for name in names:
        api.create(NODES, _node(name, devices, labels or {}))
    try:
        for name in names:
            api.wait(NODES, name, _is_ready, what=f"node {name} to be ready", seconds=60)
        yield
    finally:
        for name in names:
            api.delete(f"{NODES}/{name}")


def held(class_: str, *, count: int = 1, **spec: Any) -> conftest.Body:
    """Return the spec of a job whose pods hold their devices until it is deleted."""
    return {
        "framework": "custom",
        "image": {"ref": "registry.example/held:1"},
        "command": ["true"],
        "accelerator": {"class": class_, "count": count},
        "resources": {"cpu": "500m", "memory": "1Gi"},
        "pod": {"nodeSelector": {fakes.HOLD: "hold"}},
        **spec,
    }


def _started(api: apiserver.ApiServer) -> None:
    if not fakes.names(api):
        command = [sys.executable, "-m", "hack.cluster", "up", "--kwok", "1"]
        subprocess.run(command, check=True, cwd=conftest.ROOT)


def _node(name: str, devices: Mapping[str, int], labels: Mapping[str, str]) -> dict[str, Any]:
    room = {"cpu": "64", "memory": "256Gi", "pods": "110"}
    room |= {key: str(value) for key, value in devices.items()}
    marks = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        fakes.HOLD: "hold",
        **labels,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {fakes.ANNOTATION: "fake"}, "labels": marks},
        "spec": {"taints": [{"key": fakes.ANNOTATION, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": room, "allocatable": room},
    }


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
