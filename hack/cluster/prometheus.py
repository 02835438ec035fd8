"""Prometheus' configuration: the operator and every training pod, scraped each second.

Shared by the providers that start a Prometheus of their own.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from hack.cluster import documents

FAKE_NODES = "trainshed-fake-.*"
TRAINER_JOB = "trainshed-trainer"
OPERATOR_JOB = "trainshed-operator"
# A fake node's pods have no address, so they are never targets. By job: which pods it scrapes.
JOBS: Mapping[str, str] = {
    TRAINER_JOB: "app.kubernetes.io/managed-by=trainshed",
    OPERATOR_JOB: "app.kubernetes.io/name=trainshed,app.kubernetes.io/managed-by!=trainshed",
}
_POD = "__meta_kubernetes_pod"


def config(*, discovery: Mapping[str, documents.Document]) -> documents.Document:
    """Return the configuration; discovery says for each job how its pods are found."""
    jobs = [{"job_name": job, **discovery[job]} for job in JOBS]
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "5s"},
        # The operator's series name the namespace of a job, not the operator's own.
        "scrape_configs": [
            {**job, "honor_labels": True} if job["job_name"] == OPERATOR_JOB else job
            for job in jobs
        ],
    }


def by_file(folder: pathlib.Path) -> dict[str, documents.Document]:
    """Find pods in files that something else keeps true, labels and all."""
    return {job: {"file_sd_configs": [{"files": [str(folder / f"{job}.json")]}]} for job in JOBS}


def in_cluster() -> dict[str, documents.Document]:
    """Find pods by the Kubernetes API, for a Prometheus that runs in the cluster."""
    return {job: _by_api(selector) for job, selector in JOBS.items()}


def _by_api(selector: str) -> documents.Document:
    return {
        "kubernetes_sd_configs": [
            {"role": "pod", "selectors": [{"role": "pod", "label": selector}]}
        ],
        "relabel_configs": [
            _rule("keep", f"{_POD}_container_port_name", regex="metrics"),
            _rule("drop", f"{_POD}_phase", regex="Succeeded|Failed"),
            _rule("drop", f"{_POD}_node_name", regex=FAKE_NODES),
            _copy("__meta_kubernetes_namespace", "namespace"),
            _copy(f"{_POD}_name", "pod"),
            _copy(f"{_POD}_node_name", "node"),
        ],
    }


def _rule(action: str, label: str, *, regex: str) -> documents.Document:
    return {"action": action, "source_labels": [label], "regex": regex}


def _copy(label: str, target: str) -> documents.Document:
    return {"source_labels": [label], "target_label": target}
