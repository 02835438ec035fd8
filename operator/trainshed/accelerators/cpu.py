"""The CPU: what a pod asks for when it needs no accelerator."""

from __future__ import annotations

from typing import Any

from trainshed.api import resources

TYPE = "cpu"


def resource_requirements(asked: resources.Resources) -> dict[str, Any]:
    """Return the container's requests and limits.

    Memory is reserved and limited alike, so that a job is not killed for its neighbour's use.
    Cores are reserved only: a limit would throttle training while cores of the node are idle.
    """
    requests = {"cpu": asked.cpu, "memory": asked.memory}
    kept = {name: amount for name, amount in requests.items() if amount is not None}
    out: dict[str, Any] = {"requests": kept} if kept else {}
    if asked.memory is not None:
        out["limits"] = {"memory": asked.memory}
    if asked.devices:
        # As Kubernetes has it for devices: what is limited is requested, and nothing else.
        devices = {name: str(count) for name, count in asked.devices.items()}
        out["limits"] = {**out.get("limits", {}), **devices}
    return out
