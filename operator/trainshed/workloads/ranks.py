"""The processes of a job: how many there are, and by which variables they find each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.accelerators import choices
from trainshed.api import cross_validation, labels, replicas, spec
from trainshed.frameworks import registry as frameworks

_INDEX = f"metadata.annotations['{labels.COMPLETION_INDEX}']"


def folds(found: spec.TrainingJobSpec) -> cross_validation.CrossValidation | None:
    """Return the folds of a cross-validation, each of which is a world of one process."""
    return found.evaluation.cross_validation if found.evaluation is not None else None


def processes(found: spec.TrainingJobSpec, chosen: choices.Choice) -> int:
    """Return the processes of each replica; a command is started once, whatever it has."""
    auto = 1 if found.command is not None else chosen.processes
    return replicas.processes(found.processes_per_replica, auto=auto)


def hosts(found: spec.TrainingJobSpec, *, namespace: str, workload: str) -> list[str]:
    """Return the replicas' host names by index: of the Job and the index, below the Service."""
    if found.replicas == 1:
        return ["127.0.0.1"]
    return [f"{workload}-{index}.{workload}.{namespace}.svc" for index in range(found.replicas)]


def variables(
    found: spec.TrainingJobSpec, *, namespace: str, workload: str, chosen: choices.Choice
) -> list[dict[str, Any]]:
    """Return the variables by which the processes know themselves and each other.

    The rank is that of the replica's first process; the launcher knows the others.
    """
    each = processes(found, chosen)
    known = hosts(found, namespace=namespace, workload=workload)
    values = {
        "TRAINSHED_WORLD_SIZE": str(found.replicas * each),
        "TRAINSHED_PROCESSES": str(each),
        "TRAINSHED_HOSTS": ",".join(known),
        **_rendezvous(found, known),
    }
    return [*_numbers(found), *({"name": name, "value": value} for name, value in values.items())]


def _numbers(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return what the pod's index is: its rank, or its fold."""
    if folds(found) is None:
        return [_rank(found)]
    fold = {"name": "TRAINSHED_FOLD", "valueFrom": {"fieldRef": {"fieldPath": _INDEX}}}
    return [_rank(found), fold]


def _rank(found: spec.TrainingJobSpec) -> dict[str, Any]:
    if found.replicas == 1:
        return {"name": "TRAINSHED_RANK", "value": "0"}
    return {"name": "TRAINSHED_RANK", "valueFrom": {"fieldRef": {"fieldPath": _INDEX}}}


def _rendezvous(found: spec.TrainingJobSpec, known: list[str]) -> Mapping[str, str]:
    """Return the framework's own variables for a command, which has no launcher to set them."""
    if found.command is None or found.replicas == 1:
        return {}
    return frameworks.FRAMEWORKS[found.framework].rendezvous(known)
