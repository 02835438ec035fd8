"""The headless Service of one attempt: it gives each of several pods a name of its own."""

from __future__ import annotations

from typing import Any

from trainshed.api import labels
from trainshed.frameworks import base
from trainshed.workloads import owning


def render(*, job: owning.Owner, name: str, attempt: int) -> dict[str, Any]:
    """Return the Service. The same arguments give the same object."""
    _, training_job = job.key
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owning.metadata(job, name=name, attempt=attempt),
        "spec": {
            "clusterIP": "None",
            # Processes look each other up before the kubelet has told that they are ready.
            "publishNotReadyAddresses": True,
            "selector": {
                labels.MANAGED_BY: labels.MANAGER,
                labels.JOB: training_job,
                labels.ATTEMPT: str(attempt),
            },
            "ports": [{"name": "rendezvous", "port": base.MASTER_PORT}],
        },
    }
