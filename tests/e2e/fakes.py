"""Nodes without a machine, whose pods run and do nothing: kwok's, of the local cluster."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
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
    with standing(api, [node(name, devices, labels or {}) for name in names]):
        yield


@contextlib.contextmanager
def standing(api: apiserver.ApiServer, bodies: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """Have these nodes, and wait until each is ready."""
    _started(api)
    names = [str(each["metadata"]["name"]) for each in bodies]
    with futures.ThreadPoolExecutor(fakes.AT_ONCE) as pool:
        try:
            list(pool.map(lambda body: api.create(NODES, body), bodies))
            list(pool.map(lambda name: _await_ready(api, name), names))
            yield
        finally:
            list(pool.map(lambda name: api.delete(f"{NODES}/{name}"), names))


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


def node(
    name: str,
    devices: Mapping[str, int],
    labels: Mapping[str, str],
    taints: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Return the body of a node, to which only pods come that tolerate its taints too."""
    room = {"cpu": "64", "memory": "256Gi", "pods": "110"}
    room |= {key: str(value) for key, value in devices.items()}
    marks = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        fakes.HOLD: "hold",
        **labels,
    }
    fake = {"key": fakes.ANNOTATION, "value": "fake", "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {fakes.ANNOTATION: "fake"}, "labels": marks},
        "spec": {"taints": [fake, *map(dict, taints)]},
        "status": {"capacity": room, "allocatable": room},
    }


def _await_ready(api: apiserver.ApiServer, name: str) -> None:
    api.wait(NODES, name, _is_ready, what=f"node {name} to be ready", seconds=60)


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
