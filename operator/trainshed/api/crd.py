"""Renders the CustomResourceDefinitions from the pydantic models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pydantic

from trainshed.api import accelerator_class, base, labels, schemas, spec, status

NAME_RULE = base.rule(
    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 50",
    "metadata.name must be lower-case letters, digits and '-', start with a letter and have at"
    " most 50 characters: pods take their names from it",
)
_CLASS_NAME = base.rule(
    "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"
    " && size(self.metadata.name) <= 63 && (self.metadata.name == self.spec.type"
    " || !(self.metadata.name in ['auto', 'cpu', 'gpu', 'fpga']))",
    "metadata.name must be lower-case letters, digits and '-', at most 63, and not the name of a"
    " type: jobs name classes and types in one place",
)


def documents() -> Mapping[str, dict[str, Any]]:
    """Return every CRD by the plural of its kind."""
    return {labels.PLURAL: render(), accelerator_class.PLURAL: classes()}


def render() -> dict[str, Any]:
    """Return the TrainingJob CRD."""
    return _definition(
        kind=labels.KIND,
        plural=labels.PLURAL,
        short_names=("tj",),
        scope="Namespaced",
        columns=_of_jobs(),
        schema=_schema(
            "A training run: its code, its data, its image and where it runs.",
            spec.TrainingJobSpec,
            status.TrainingJobStatus,
            NAME_RULE,
        ),
    )


def classes() -> dict[str, Any]:
    """Return the AcceleratorClass CRD."""
    return _definition(
        kind=accelerator_class.KIND,
        plural=accelerator_class.PLURAL,
        # Where Kueue is, kubectl takes `ac` for its AdmissionChecks.
        short_names=("ac", "accel"),
        scope="Cluster",
        columns=_of_classes(),
        schema=_schema(
            "A kind of accelerator: how its nodes are found, and what its pods ask for.",
            accelerator_class.AcceleratorClassSpec,
            accelerator_class.AcceleratorClassStatus,
            _CLASS_NAME,
        ),
    )


def _definition(
    *,
    kind: str,
    plural: str,
    short_names: Sequence[str],
    scope: str,
    columns: Sequence[Mapping[str, Any]],
    schema: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{labels.GROUP}"},
        "spec": {
            "group": labels.GROUP,
            "scope": scope,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": list(short_names),
                "categories": ["trainshed"],
            },
            "versions": [
                {
                    "name": labels.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": list(columns),
                    "schema": {"openAPIV3Schema": dict(schema)},
                }
            ],
        },
    }


def _schema(
    description: str,
    of_spec: type[pydantic.BaseModel],
    of_status: type[pydantic.BaseModel],
    *rules: dict[str, str],
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": schemas.structural(of_spec),
            "status": schemas.structural(of_status),
        },
        **base.rules(*rules),
    }


def _column(name: str, path: str, type_: str = "string", priority: int = 0) -> dict[str, Any]:
    return {"name": name, "type": type_, "jsonPath": path, "priority": priority}


def _of_jobs() -> list[dict[str, Any]]:
    failed = '.status.conditions[?(@.type=="Failed")].reason'
    return [
        _column("Phase", ".status.phase"),
        _column("Progress", ".status.progress.percent", "integer"),
        _column("Samples/s", ".status.progress.samplesPerSecond", "number"),
        _column("Accelerator", ".status.placement.class"),
        _column("ETA", ".status.progress.estimatedRemainingSeconds", "integer"),
        _column("Attempt", ".status.attempts.current", "integer"),
        _column("Age", ".metadata.creationTimestamp", "date"),
        _column("Nodes", ".status.placement.nodes", priority=1),
        _column("Accuracy", ".status.result.accuracy", "number", priority=1),
        _column("Reason", failed, priority=1),
    ]


def _of_classes() -> list[dict[str, Any]]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        _column("Type", ".spec.type"),
        _column("Nodes", ".status.nodes", "integer"),
        _column("Devices", ".status.allocatable", "integer"),
        _column("In use", ".status.inUse", "integer"),
        _column("Ready", f"{ready}.status"),
        _column("Reason", f"{ready}.reason", priority=1),
        _column("Age", ".metadata.creationTimestamp", "date"),
    ]
