"""Devices by dynamic resource allocation: what a pod claims, in place of a plugin's resource.

A driver that allocates them publishes its devices and knows how to prepare them; the job's
claim template says which DeviceClass and how many. Kubernetes makes a claim of it for each pod.
"""

from __future__ import annotations

from typing import Any

from trainshed.accelerators import choices
from trainshed.api import spec
from trainshed.workloads import owning

CLAIM = "accelerator"
"""What a pod calls its claim."""
KIND = "ResourceClaimTemplate"
_REQUEST = "devices"


def made(found: spec.TrainingJobSpec, chosen: choices.Choice) -> bool:
    """Return whether the operator makes the template: the job names none of its own."""
    return bool(chosen.device_class) and _own(found) is None


def render(*, job: owning.Owner, name: str, attempt: int, chosen: choices.Choice) -> dict[str, Any]:
    """Return the template. The same arguments give the same object."""
    exactly = {
        "deviceClassName": chosen.device_class,
        "allocationMode": "ExactCount",
        "count": chosen.count,
    }
    requests = [{"name": _REQUEST, "exactly": exactly}]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": KIND,
        "metadata": owning.metadata(job, name=name, attempt=attempt),
        "spec": {
            "metadata": {"labels": owning.marks(job.key[1], attempt)},
            "spec": {"devices": {"requests": requests}},
        },
    }


def settle(
    template: dict[str, Any], found: spec.TrainingJobSpec, *, name: str, chosen: choices.Choice
) -> None:
    """Have a pod claim its devices. `name`: that of the template that is made for the job."""
    if not chosen.device_class:
        return
    own = _own(found)
    claim = {"name": CLAIM, "resourceClaimTemplateName": name if own is None else own}
    template["resourceClaims"] = [claim]
    (container,) = template["containers"]
    container["resources"] = {**container["resources"], "claims": [{"name": CLAIM}]}


def _own(found: spec.TrainingJobSpec) -> str | None:
    return found.accelerator.resource_claim_template_name if found.accelerator else None
