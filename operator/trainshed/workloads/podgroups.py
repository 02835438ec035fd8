"""The PodGroup of the coscheduling plugin: a scheduler that has it places all pods or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainshed.api import spec
from trainshed.workloads import owning, ranks

KIND = "PodGroup"
_LABEL = "scheduling.x-k8s.io/pod-group"
_WAIT_SECONDS = 60
"""How long the plugin holds nodes for a part of the pods before it lets go of them."""


@dataclass(frozen=True, slots=True)
class Coscheduling:
    """The scheduler of jobs of several pods."""

    scheduler: str = ""
    """Its name, as pods give it; empty: the cluster's own has the plugin."""


def needed(found: spec.TrainingJobSpec, plugin: Coscheduling | None) -> bool:
    """Return whether pods are placed all or none: folds are each for itself."""
    return plugin is not None and found.replicas > 1 and ranks.folds(found) is None


def render(*, job: owning.Owner, name: str, attempt: int, size: int) -> dict[str, Any]:
    """Return the PodGroup of so many pods. The same arguments give the same object."""
    return {
        "apiVersion": "scheduling.x-k8s.io/v1alpha1",
        "kind": KIND,
        "metadata": owning.metadata(job, name=name, attempt=attempt),
        "spec": {"minMember": size, "scheduleTimeoutSeconds": _WAIT_SECONDS},
    }


def settle(job: dict[str, Any], *, name: str, plugin: Coscheduling) -> None:
    """Have a Job's pods be of the PodGroup of a name."""
    template = job["spec"]["template"]
    template["metadata"]["labels"][_LABEL] = name
    if plugin.scheduler:
        template["spec"]["schedulerName"] = plugin.scheduler
