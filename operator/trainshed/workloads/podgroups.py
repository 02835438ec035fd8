"""PodGroups: by one of a job's pods a scheduler places all of them or none.

There are two kinds of that name: the coscheduling plugin's and, since 1.36, Kubernetes' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from trainshed.api import spec
from trainshed.workloads import owning, ranks

KIND = "PodGroup"
_LABEL = "scheduling.x-k8s.io/pod-group"
_WAIT_SECONDS = 60
"""How long the plugin holds nodes for a part of the pods before it lets go of them."""


@dataclass(frozen=True, slots=True)
class Coscheduling:
    """A scheduler with the plugin of that name."""

    scheduler: str = ""
    """Its name, as pods give it; empty: the cluster's own has the plugin."""

    @property
    def api_version(self) -> str:
        """Return the group and version of the plugin's PodGroups."""
        return "scheduling.x-k8s.io/v1alpha1"

    def demand(self, size: int) -> dict[str, Any]:
        """Return the spec of a group of so many pods."""
        return {"minMember": size, "scheduleTimeoutSeconds": _WAIT_SECONDS}

    def join(self, template: dict[str, Any], group: str) -> None:
        """Have the pods of a template be of a group."""
        template["metadata"]["labels"][_LABEL] = group


@dataclass(frozen=True, slots=True)
class Native:
    """A kube-scheduler that places gangs."""

    scheduler: str = ""
    """Its name, as pods give it; empty: the cluster's own."""

    @property
    def api_version(self) -> str:
        """Return the group and version of Kubernetes' own PodGroups."""
        return "scheduling.k8s.io/v1alpha2"

    def demand(self, size: int) -> dict[str, Any]:
        """Return the spec of a group of so many pods."""
        return {"schedulingPolicy": {"gang": {"minCount": size}}}

    def join(self, template: dict[str, Any], group: str) -> None:
        """Have the pods of a template be of a group; the Job controller then makes none itself."""
        template["spec"]["schedulingGroup"] = {"podGroupName": group}


Placer: TypeAlias = Coscheduling | Native
"""What places all pods of a job or none."""


def needed(found: spec.TrainingJobSpec) -> bool:
    """Return whether pods are placed all or none: folds are each for itself."""
    return found.replicas > 1 and ranks.folds(found) is None


def render(
    *, job: owning.Owner, name: str, attempt: int, size: int, placer: Placer
) -> dict[str, Any]:
    """Return the PodGroup of so many pods. The same arguments give the same object."""
    return {
        "apiVersion": placer.api_version,
        "kind": KIND,
        "metadata": owning.metadata(job, name=name, attempt=attempt),
        "spec": placer.demand(size),
    }


def settle(job: dict[str, Any], *, name: str, placer: Placer) -> None:
    """Have a Job's pods be of the PodGroup of a name."""
    template = job["spec"]["template"]
    placer.join(template, name)
    if placer.scheduler:
        template["spec"]["schedulerName"] = placer.scheduler
