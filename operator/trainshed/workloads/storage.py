"""The volumes that the spec asks for, and the variables that name what lies on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainshed.api import base, checkpoint, data, export, spec, visualization
from trainshed.workloads import ranks

CACHE = "/cache"
"""Where what was read of `data.uri` is kept."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim, and where it appears. A job may name one claim for several things."""

    volume: str
    name: str
    mount: str
    read_only: bool = False


def volumes(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the pod's volumes: one for each claim."""
    claims = _claims(found)
    out: list[dict[str, Any]] = []
    for name, volume in _names(claims).items():
        source: dict[str, Any] = {"claimName": name}
        if all(each.read_only for each in claims if each.name == name):
            source["readOnly"] = True
        out.append({"name": volume, "persistentVolumeClaim": source})
    if found.data is not None and found.data.uri is not None:
        out.append({"name": "trainshed-cache", "emptyDir": _cache(found.data)})
    return out


def mounts(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the container's mounts of them."""
    claims = _claims(found)
    names = _names(claims)
    out: list[dict[str, Any]] = []
    for each in claims:
        mount = {"name": names[each.name], "mountPath": each.mount}
        out.append({**mount, "readOnly": True} if each.read_only else mount)
    if found.data is not None and found.data.uri is not None:
        out.append({"name": "trainshed-cache", "mountPath": CACHE})
    return out


def variables(found: spec.TrainingJobSpec, *, namespace: str, training_job: str) -> dict[str, str]:
    """Return the variables that say where they are."""
    own = own_folder(namespace=namespace, training_job=training_job)
    out: dict[str, str] = {}
    if found.data is not None and found.data.uri is not None:
        out["TRAINSHED_CACHE_DIR"] = CACHE
    if found.checkpoint is not None:
        place = folder(found.checkpoint, namespace=namespace, training_job=training_job)
        out["TRAINSHED_CHECKPOINT_DIR"] = place + _of_fold(found)
    if found.export is not None:
        out["TRAINSHED_EXPORT_DIR"] = f"{export.MOUNT}/{own}"
    if found.visualization is not None:
        out["TRAINSHED_ARTIFACTS_DIR"] = f"{visualization.MOUNT}/{own}{_of_fold(found)}"
    return out


def credentials(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the container's envFrom for object storage; the kubelet alone reads the Secrets."""
    asking = (each for each in (found.data, found.checkpoint) if each is not None)
    named = dict.fromkeys(each.secret_ref.name for each in asking if each.secret_ref is not None)
    return [{"secretRef": {"name": name}} for name in named]


def own_folder(*, namespace: str, training_job: str) -> str:
    """Return a job's folder on its volumes, which may be shared, by namespaces too."""
    return f"{namespace}/{training_job}"


def folder(asked: checkpoint.Checkpoint, *, namespace: str, training_job: str) -> str:
    """Return where a job's checkpoints are."""
    own = own_folder(namespace=namespace, training_job=training_job)
    return f"{asked.uri or checkpoint.MOUNT}/{own}"


def _of_fold(found: spec.TrainingJobSpec) -> str:
    """Return the part of a path that is a fold's own, which the kubelet fills in."""
    folds = ranks.folds(found)
    return f"/fold-$(TRAINSHED_FOLD)-of-{folds.folds}" if folds is not None else ""


def _claims(found: spec.TrainingJobSpec) -> list[_Claim]:
    """Return what the spec names claims for."""
    out: list[_Claim] = []
    if found.data is not None and (asked := found.data.volume) is not None:
        out.append(_Claim("trainshed-data", asked.claim_name, data.MOUNT, asked.read_only))
    written = (
        ("trainshed-checkpoints", found.checkpoint, checkpoint.MOUNT),
        ("trainshed-exports", found.export, export.MOUNT),
        ("trainshed-artifacts", found.visualization, visualization.MOUNT),
    )
    for name, part, mount in written:
        if part is not None and part.volume is not None:
            out.append(_Claim(name, part.volume.claim_name, mount))
    return out


def _names(claims: list[_Claim]) -> dict[str, str]:
    """Return the name of the pod's volume for each claim, by the first use of it."""
    names: dict[str, str] = {}
    for each in claims:
        names.setdefault(each.name, each.volume)
    return names


def _cache(asked: data.Data) -> dict[str, Any]:
    if asked.cache_bytes is None:
        return {}
    # The library counts whole blocks, as the kubelet does, which evicts a pod above the limit. A
    # tenth more, for what a file system keeps of its own, and no set that was taken is evicted.
    return {"sizeLimit": str(base.amount(asked.cache_bytes) * 11 // 10)}
