"""The kinds of object that the operator reads and writes, and their URL paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib import parse

from trainshed.api import accelerator_class, labels

Body: TypeAlias = dict[str, Any]
"""An object as JSON. The rest of the operator works on typed views made from it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind. Equal and hashable by value, so it keys caches and metrics."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return `group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Return the path of the kind's group and version, which is also its discovery."""
        prefix = f"/apis/{self.group}" if self.group else "/api"
        return f"{prefix}/{self.version}"

    def path(
        self, *, namespace: str | None = None, name: str | None = None, subresource: str = ""
    ) -> str:
        """Return the path of a collection, of one object or of its subresource."""
        parts = [self.root]
        if namespace is not None and self.namespaced:
            parts.append(f"namespaces/{_quoted(namespace)}")
        parts.append(self.plural)
        if name is not None:
            parts.append(_quoted(name))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


def _quoted(segment: str) -> str:
    return segment if segment.isalnum() else parse.quote(segment, safe="")


TRAINING_JOBS = Kind(labels.GROUP, labels.VERSION, labels.PLURAL, labels.KIND)
CLASSES = Kind(
    labels.GROUP,
    labels.VERSION,
    accelerator_class.PLURAL,
    accelerator_class.KIND,
    namespaced=False,
)
JOBS = Kind("batch", "v1", "jobs", "Job")
WORKLOADS = tuple(
    Kind("kueue.x-k8s.io", version, "workloads", "Workload") for version in ("v1beta2", "v1beta1")
)
"""Kueue's, in the versions that are known here, the newest first."""
PODS = Kind("", "v1", "pods", "Pod")
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap")
NODES = Kind("", "v1", "nodes", "Node", namespaced=False)
SECRETS = Kind("", "v1", "secrets", "Secret")
SERVICES = Kind("", "v1", "services", "Service")
CLAIM_TEMPLATES = Kind("resource.k8s.io", "v1", "resourceclaimtemplates", "ResourceClaimTemplate")
COSCHEDULED = Kind("scheduling.x-k8s.io", "v1alpha1", "podgroups", "PodGroup")
"""Of the coscheduling plugin."""
POD_GROUPS = Kind("scheduling.k8s.io", "v1alpha2", "podgroups", "PodGroup")
"""Kubernetes' own, as 1.36 has them."""
DEPLOYMENTS = Kind("apps", "v1", "deployments", "Deployment")
EVENTS = Kind("", "v1", "events", "Event")
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease")
ACCESS_REVIEWS = Kind(
    "authorization.k8s.io",
    "v1",
    "selfsubjectaccessreviews",
    "SelfSubjectAccessReview",
    namespaced=False,
)
