"""The volumes that `spec.data` and `spec.checkpoint` ask for, and the variables that name them."""

from __future__ import annotations

from typing import Any

from trainshed.api import base, checkpoint, data, spec

CACHE = "/cache"
"""Where what was read of `data.uri` is kept."""


def volumes(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the pod's volumes."""
    out: list[dict[str, Any]] = []
    if found.data is not None and (asked := found.data.volume) is not None:
        out.append({"name": "trainshed-data", "persistentVolumeClaim": asked.dump()})
    if found.data is not None and found.data.uri is not None:
        out.append({"name": "trainshed-cache", "emptyDir": _cache(found.data)})
    if found.checkpoint is not None:
        claim = found.checkpoint.volume.dump()
        out.append({"name": "trainshed-checkpoints", "persistentVolumeClaim": claim})
    return out


def mounts(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the container's mounts of them."""
    out: list[dict[str, Any]] = []
    if found.data is not None and (asked := found.data.volume) is not None:
        mount = {"name": "trainshed-data", "mountPath": data.MOUNT}
        out.append({**mount, "readOnly": True} if asked.read_only else mount)
    if found.data is not None and found.data.uri is not None:
        out.append({"name": "trainshed-cache", "mountPath": CACHE})
    if found.checkpoint is not None:
        out.append({"name": "trainshed-checkpoints", "mountPath": checkpoint.MOUNT})
    return out


def variables(found: spec.TrainingJobSpec, *, namespace: str, training_job: str) -> dict[str, str]:
    """Return the variables that say where they are."""
    out: dict[str, str] = {}
    if found.data is not None and found.data.uri is not None:
        out["TRAINSHED_CACHE_DIR"] = CACHE
    if found.checkpoint is not None:
        out["TRAINSHED_CHECKPOINT_DIR"] = folder(namespace, training_job)
    return out


def credentials(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the container's envFrom for `data.uri`; the kubelet reads the Secret, not we."""
    if found.data is None or found.data.secret_ref is None:
        return []
    return [{"secretRef": found.data.secret_ref.dump()}]


def folder(namespace: str, training_job: str) -> str:
    """Return where a job's checkpoints are: claims may be shared, by namespaces too."""
    return f"{checkpoint.MOUNT}/{namespace}/{training_job}"


def _cache(asked: data.Data) -> dict[str, Any]:
    if asked.cache_bytes is None:
        return {}
    # The kubelet evicts a pod above the limit, and counts whole blocks and what is half written.
    return {"sizeLimit": str(base.amount(asked.cache_bytes) * 11 // 10)}
