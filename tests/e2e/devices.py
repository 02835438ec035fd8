"""Devices without hardware: extended resources that a node is told to have, and their classes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from hack import apiserver
from hack.cluster import settings

NODES = "/api/v1/nodes"
CLASSES = "/apis/trainshed.dev/v1alpha1/acceleratorclasses"
REAL = settings.NODE


@contextlib.contextmanager
def on_real_node(api: apiserver.ApiServer, resource: str, count: int) -> Iterator[None]:
    """Give the real node devices of a name that no other test uses, and take them back."""
    _capacity(api, {resource: str(count)})
    try:
        api.wait(
            NODES,
            REAL,
            lambda node: node["status"]["allocatable"].get(resource) == str(count),
            what=f"the kubelet to take over {resource}",
            seconds=60,
        )
        yield
    finally:
        _capacity(api, {resource: None})


@contextlib.contextmanager
def class_(api: apiserver.ApiServer, name: str, resource: str, **spec: Any) -> Iterator[None]:
    """Have an AcceleratorClass of GPUs for a resource."""
    match = {"resourcePattern": resource.replace(".", r"\.")}
    body = {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": name},
        "spec": {"type": "gpu", "match": match, **spec},
    }
    api.create(CLASSES, body)
    try:
        yield
    finally:
        api.delete(f"{CLASSES}/{name}")


def _capacity(api: apiserver.ApiServer, amounts: Mapping[str, str | None]) -> None:
    api.request("PATCH", f"{NODES}/{REAL}/status", {"status": {"capacity": dict(amounts)}})
