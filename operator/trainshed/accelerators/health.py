"""What nodes say of their own health, by conditions and labels that are known.

A fault is for somebody to see to: a broken device, a kernel that hangs. What passes by itself, such
as a restart or maintenance, keeps pods away for a while, and no job from waiting for the node.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PASSING: Mapping[str, str] = {
    "MemoryPressure": "False",
    "DiskPressure": "False",
    "PIDPressure": "False",
    "NetworkUnavailable": "False",
}
"""The kubelet's conditions besides Ready, and what a sound node says of each."""
_FAULTS: Mapping[str, str] = {
    # node-problem-detector's.
    "KernelDeadlock": "False",
    "ReadonlyFilesystem": "False",
    # Those of AKS about GPUs and their network.
    "GPUMissing": "False",
    "NVLinkStatusInactive": "False",
    "XIDErrors": "False",
    "IBLinkFlapping": "False",
    "UnhealthyNvidiaDevicePlugin": "False",
    # Those of the node monitoring agent of EKS, and of Nebius.
    "AcceleratedHardwareReady": "True",
    "KernelReady": "True",
    "StorageReady": "True",
    "NebiusGPUError": "False",
}
"""Conditions of a node that somebody must see to, and what a sound node says of each."""
_HEALTH = "sagemaker.amazonaws.com/node-health-status"
_FAULTY_LABELS: Mapping[str, frozenset[str]] = {
    "nvidia.com/gpu.health": frozenset({"unhealthy", "not-ready"}),
    _HEALTH: frozenset({"UnschedulablePendingReplacement"}),
}
_PASSING_LABELS: Mapping[str, frozenset[str]] = {
    _HEALTH: frozenset({"Unschedulable", "UnschedulablePendingReboot"}),
    "cloud.google.com/perform-maintenance": frozenset({"true"}),
    "cloud.google.com/active-node-maintenance": frozenset({"ONGOING"}),
}
"""Labels by which checks and clouds tell the same, and their values."""


def faults(body: Mapping[str, Any]) -> list[str]:
    """Return by what a Node says that it is broken, in words."""
    return [*_conditions(body, _FAULTS), *_labels(body, _FAULTY_LABELS)]


def passing(body: Mapping[str, Any]) -> list[str]:
    """Return why a Node takes no pod just now, in words."""
    found = ["cordoned"] if (body.get("spec") or {}).get("unschedulable") else []
    if _told(body).get("Ready", "Unknown") != "True":
        found.append("not ready")
    return [*found, *_conditions(body, _PASSING), *_labels(body, _PASSING_LABELS)]


def avoided() -> list[dict[str, Any]]:
    """Return node selector expressions that keep a pod off nodes whose labels tell of either."""
    keys = sorted({*_FAULTY_LABELS, *_PASSING_LABELS})
    return [
        {
            "key": key,
            "operator": "NotIn",
            "values": sorted(
                _FAULTY_LABELS.get(key, frozenset()) | _PASSING_LABELS.get(key, frozenset())
            ),
        }
        for key in keys
    ]


def _told(body: Mapping[str, Any]) -> dict[str, str]:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return {str(each.get("type")): str(each.get("status")) for each in conditions}


def _conditions(body: Mapping[str, Any], known: Mapping[str, str]) -> list[str]:
    told = _told(body)
    # Who does not know says nothing of it.
    found = [
        name for name, sound in known.items() if told.get(name, sound) not in (sound, "Unknown")
    ]
    return sorted(f"not {name}" if known[name] == "True" else name for name in found)


def _labels(body: Mapping[str, Any], known: Mapping[str, frozenset[str]]) -> list[str]:
    marks = body["metadata"].get("labels") or {}
    return sorted(f"labelled {key}={marks[key]}" for key in known if marks.get(key) in known[key])
