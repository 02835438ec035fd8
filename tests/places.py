"""Nodes and classes of accelerators as tests hand them in.

places.of(places.node("gpu-1", {"nvidia.com/gpu": 4}), places.gpu("nvidia-l4"))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.accelerators import classes, index, nodes
from trainshed.api import accelerator_class, labels

Body = dict[str, Any]
L4 = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
PLATFORM = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}


def node(
    name: str,
    devices: Mapping[str, int] | None = None,
    *,
    labels_: Mapping[str, str] | None = None,
    taints: Sequence[Mapping[str, str]] = (),
    cpu: str = "8",
    memory: str = "32Gi",
    ready: bool = True,
    capacity: Mapping[str, int] | None = None,
    **spec: Any,
) -> Body:
    """Return the body of a node. `capacity`: its devices, where they are not all allocatable."""
    marks = {**PLATFORM, "kubernetes.io/hostname": name, **(labels_ or {})}
    allocatable = {"cpu": cpu, "memory": memory, "pods": "110"}
    counted = {key: str(value) for key, value in (devices or {}).items()}
    whole = {key: str(value) for key, value in (capacity or {}).items()}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": marks},
        "spec": {"taints": [dict(each) for each in taints], **spec},
        "status": {
            "allocatable": {**allocatable, **counted},
            "capacity": {**allocatable, **counted, **whole},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def class_(name: str, type_: str, **spec: Any) -> Body:
    """Return the body of an AcceleratorClass."""
    return {
        "apiVersion": labels.API_VERSION,
        "kind": accelerator_class.KIND,
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1},
        "spec": {"type": type_, **spec},
    }


def gpu(name: str, pattern: str = r"nvidia\.com/gpu", node_labels: Any = None, **spec: Any) -> Body:
    """Return a class of GPUs."""
    match = {"resourcePattern": pattern, **({"nodeLabels": node_labels} if node_labels else {})}
    return class_(name, "gpu", match=match, **spec)


def of(*bodies: Body) -> index.Index:
    """Return the index of nodes and classes."""
    found = index.Index()
    for each in bodies:
        if each.get("kind") == accelerator_class.KIND:
            found.put_class(classes.read(each))
        else:
            found.put_node(each["metadata"]["name"], nodes.shape(each))
    return found


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> dict[str, str]:
    """Return a taint."""
    return {"key": key, "value": value, "effect": effect}
