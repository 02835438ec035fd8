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
    if found.checkpoint is not None and found.checkpoint.volume is not None:
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
    if found.checkpoint is not None and found.checkpoint.volume is not None:
        out.append({"name": "trainshed-checkpoints", "mountPath": checkpoint.MOUNT})
    return out


def variables(found: spec.TrainingJobSpec, *, namespace: str, training_job: str) -> dict[str, str]:
    """Return the variables that say where they are."""
    out: dict[str, str] = {}
    if found.data is not None and found.data.uri is not None:
        out["TRAINSHED_CACHE_DIR"] = CACHE
    if found.checkpoint is not None:
        place = folder(found.checkpoint, namespace=namespace, training_job=training_job)
        out["TRAINSHED_CHECKPOINT_DIR"] = place
    return out


def credentials(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the container's envFrom for object storage; the kubelet alone reads the Secrets."""
    asking = (each for each in (found.data, found.checkpoint) if each is not None)
    named = dict.fromkeys(each.secret_ref.name for each in asking if each.secret_ref is not None)
    return [{"secretRef": {"name": name}} for name in named]


def folder(asked: checkpoint.Checkpoint, *, namespace: str, training_job: str) -> str:
    """Return where a job's checkpoints are: places may be shared, by namespaces too."""
    return f"{asked.uri or checkpoint.MOUNT}/{namespace}/{training_job}"


def _cache(asked: data.Data) -> dict[str, Any]:
    if asked.cache_bytes is None:
        return {}
    # The kubelet evicts a pod above the limit, and counts whole blocks.
    return {"sizeLimit": str(base.amount(asked.cache_bytes) * 11 // 10)}
