"""The variables and files by which a training process knows what it is part of."""

from __future__ import annotations

import json
from typing import Any

from trainshed.accelerators import choices
from trainshed.api import base, labels, spec
from trainshed.api import checkpoint as checkpoint_api
from trainshed.api import data as data_api
from trainshed.api import evaluation as evaluation_api
from trainshed.api import training as training_api
from trainshed.workloads import ranks, storage

FILES = "/etc/trainshed"
TOKEN_FOLDER = "/var/run/secrets/trainshed"
DEFAULT_EPOCHS = 20
_OF_THE_POD = frozenset({"volume", "secretRef"})
_OF_THE_JOB = frozenset({"parallelism"})
_PLACE = frozenset({"uri"})


def variables(
    found: spec.TrainingJobSpec,
    *,
    namespace: str,
    name: str,
    workload: str,
    attempt: int,
    progress_url: str,
    chosen: choices.Choice = choices.NONE,
) -> list[dict[str, Any]]:
    """Return the container's environment. `workload`: the child Job's name."""
    path = f"/v1/namespaces/{namespace}/{labels.PLURAL}/{name}/progress"
    kubeflow = f"/apis/trainer.kubeflow.org/v1alpha1/namespaces/{namespace}/trainjobs/{name}/status"
    values = {
        "TRAINSHED_JOB": name,
        "TRAINSHED_NAMESPACE": namespace,
        "TRAINSHED_ATTEMPT": str(attempt),
        "TRAINSHED_PARAMS_FILE": f"{FILES}/params.json",
        "TRAINSHED_METRICS_PORT": str(labels.METRICS_PORT),
        "TRAINSHED_PROGRESS_URL": progress_url + path,
        "TRAINSHED_PROGRESS_CA_FILE": f"{FILES}/ca.pem",
        "TRAINSHED_PROGRESS_TOKEN_FILE": f"{TOKEN_FOLDER}/token",
        # What Kubeflow's and Hugging Face's callbacks look for: they report to us unchanged.
        "KUBEFLOW_TRAINER_SERVER_URL": progress_url + kubeflow,
        "KUBEFLOW_TRAINER_SERVER_CA_CERT": f"{FILES}/ca.pem",
        "KUBEFLOW_TRAINER_SERVER_TOKEN": f"{TOKEN_FOLDER}/token",
        "PYTHONUNBUFFERED": "1",
        # Threads that spin while they wait take the cores of the node's other pods: beside
        # busy neighbours a small model trains three times as fast without.
        "OMP_WAIT_POLICY": "PASSIVE",
        "HOME": "/tmp",
        **storage.variables(found, namespace=namespace, training_job=name),
    }
    if found.model is not None:
        values["TRAINSHED_SPEC_FILE"] = f"{FILES}/spec.json"
    return [
        *ranks.variables(found, namespace=namespace, workload=workload, chosen=chosen),
        *({"name": name, "value": value} for name, value in values.items()),
        *chosen.environment(found.training.precision if found.training else "auto"),
    ]


def documents(found: spec.TrainingJobSpec, *, namespace: str, ca_pem: str) -> dict[str, str]:
    """Return the pod's annotations whose values become files below /etc/trainshed."""
    out = {labels.CA: ca_pem, labels.PARAMS: _json(found.params or {})}
    if found.model is not None:
        out[labels.SPEC] = _json(built_in(found, namespace=namespace))
    return out


def files(found: spec.TrainingJobSpec) -> list[dict[str, Any]]:
    """Return the downward-API items that turn those annotations into files."""
    named = {"ca.pem": labels.CA, "params.json": labels.PARAMS}
    if found.model is not None:
        named["spec.json"] = labels.SPEC
    return [
        {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
        for path, annotation in named.items()
    ]


def built_in(found: spec.TrainingJobSpec, *, namespace: str) -> dict[str, Any]:
    """Return what the training library trains; what a model has of defaults is its own."""
    assert found.model is not None
    assert found.data is not None
    training = found.training or training_api.Training()
    if training.max_steps is None and training.epochs is None:
        training = training.model_copy(update={"epochs": DEFAULT_EPOCHS})
    out = {
        "framework": str(found.framework),
        "model": found.model.dump(),
        "data": _data(found.data),
        "training": training.dump(),
    }
    if found.evaluation is not None:
        out["evaluation"] = _evaluation(found.evaluation)
    if found.export is not None:
        out["export"] = _without(found.export, _OF_THE_POD)
    if found.visualization is not None:
        out["visualization"] = _without(found.visualization, _OF_THE_POD)
    if found.checkpoint is not None:
        out["checkpoint"] = _checkpoint(found.checkpoint, namespace)
    return out


def _data(asked: data_api.Data) -> dict[str, Any]:
    """Return the data set as the library reads it: what the pod is given is not its business."""
    out = _without(asked, _OF_THE_POD)
    if asked.cache_bytes is not None:
        out["cacheBytes"] = base.amount(asked.cache_bytes)
    return out


def _evaluation(asked: evaluation_api.Evaluation) -> dict[str, Any]:
    out = asked.dump()
    if asked.cross_validation is not None:
        out["crossValidation"] = _without(asked.cross_validation, _OF_THE_JOB)
    return out


def _checkpoint(asked: checkpoint_api.Checkpoint, namespace: str) -> dict[str, Any]:
    out = _without(asked, _OF_THE_POD | _PLACE)
    if asked.from_ is not None:
        out["from"] = storage.folder(asked, namespace=namespace, training_job=asked.from_.job)
    return out


def _without(asked: base.Model, names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in asked.dump().items() if name not in names}


def _json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), sort_keys=True)
