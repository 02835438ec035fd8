"""What of a job contradicts a class of accelerators: no node would ever make up for it."""

from __future__ import annotations

from trainshed.accelerators import classes
from trainshed.api import reasons, spec
from trainshed.core import observed


def refusal(class_: classes.Class, found: spec.TrainingJobSpec) -> observed.Refusal | None:
    """Return why a job can't have this class; None where nothing is against it."""
    said = _of_labels(class_, found) or _of_claim(class_, found) or _of_devices(class_, found)
    if said is None:
        return None
    return observed.Refusal(reasons.Reason.CLASS_CONTRADICTED, said, terminal=False)


def _of_labels(class_: classes.Class, found: spec.TrainingJobSpec) -> str | None:
    """Judge the job's own node selector, which may be of other nodes."""
    own = (found.pod.node_selector if found.pod is not None else None) or {}
    match = class_.spec.match if class_.spec is not None else None
    for key, value in ((match.node_labels if match is not None else None) or {}).items():
        if own.get(key, value) != value:
            return (
                f"pod.nodeSelector has {key}={own[key]}, and nodes of class {class_.name} have"
                f" {key}={value}; create the job anew without it, or with another class"
            )
    return None


def _of_claim(class_: classes.Class, found: spec.TrainingJobSpec) -> str | None:
    """Judge a claim template of the job's own, which a device plugin knows nothing of."""
    own = found.accelerator.resource_claim_template_name if found.accelerator else None
    claimed = class_.spec is not None and class_.spec.device_class_name is not None
    if own is None or claimed or class_.type is classes.Type.CPU:
        return None
    return (
        f"accelerator.resourceClaimTemplateName is {own}, and devices of class {class_.name} are a"
        " device plugin's; create the job anew without it, or with a class that has deviceClassName"
    )


def _of_devices(class_: classes.Class, found: spec.TrainingJobSpec) -> str | None:
    """Judge the job's further devices, which are not to be the class's own."""
    asked = (found.resources.devices if found.resources is not None else None) or {}
    own = next((name for name in asked if class_.has(name)), None)
    if own is None:
        return None
    return (
        f"resources.devices has {own}, and those are the devices of class {class_.name}; create the"
        " job anew with accelerator.count in its place"
    )
