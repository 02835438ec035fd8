"""The jobs of the bench: built-in models whose pods go to kwok's nodes."""

from __future__ import annotations

from typing import Any

from hack import apiserver
from trainshed.api import crd, labels

Body = dict[str, Any]
UNWATCHED_GROUP = "bench.trainshed.dev"
UNWATCHED = f"/apis/{UNWATCHED_GROUP}/{labels.VERSION}/namespaces/{{namespace}}/{labels.PLURAL}"


def training_job(name: str, *, hold: bool = False) -> Body:
    """Return a one-pod TrainingJob; with `hold` its pod runs until it is deleted."""
    selector = {"type": "kwok", **({"trainshed.dev/bench": "hold"} if hold else {})}
    return {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "pytorch",
            "model": {"name": "cnn"},
            "data": {"name": "digits"},
            "pod": {
                "nodeSelector": selector,
                "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
            },
        },
    }


def unwatched(name: str) -> Body:
    """Return the same object in the group that nobody watches."""
    return {**training_job(name), "apiVersion": f"{UNWATCHED_GROUP}/{labels.VERSION}"}


def unwatched_crd() -> Body:
    """Return the CRD of that group: the same schema, so the same work for the API server."""
    body = crd.render()
    body["metadata"]["name"] = f"{labels.PLURAL}.{UNWATCHED_GROUP}"
    body["spec"]["group"] = UNWATCHED_GROUP
    body["spec"]["names"] |= {"shortNames": [], "categories": []}
    return body


def namespace(api: apiserver.ApiServer, name: str) -> None:
    """Create a namespace."""
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
