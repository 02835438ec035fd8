"""The AcceleratorClass: a kind of accelerator, named once for the whole cluster."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base, status
from trainshed.api import pod as pod_api

KIND = "AcceleratorClass"
PLURAL = "acceleratorclasses"
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
Pattern = Annotated[str, pydantic.Field(min_length=1, max_length=253)]
LabelKey = Annotated[str, pydantic.Field(min_length=1, max_length=317)]
DeviceClass = Annotated[str, pydantic.Field(max_length=253, pattern=_SUBDOMAIN)]
Variant = Annotated[str, pydantic.Field(max_length=32, pattern=base.DNS_LABEL)]
Teraflops = Annotated[float, pydantic.Field(gt=0, le=1_000_000)]


class Type(enum.StrEnum):
    """The kinds of accelerator."""

    CPU = "cpu"
    GPU = "gpu"
    FPGA = "fpga"


class Without(base.Model):
    """A label that its nodes do not have."""

    key: LabelKey = pydantic.Field(description="Key of the label.")
    values: list[pod_api.LabelValue] | None = pydantic.Field(
        default=None, min_length=1, max_length=8, description="Its values; default: any."
    )


class Match(base.Model):
    """By what its nodes are known: all that is given."""

    node_labels: pod_api.LabelMap | None = pydantic.Field(
        default=None,
        description="Labels that a node has.",
        json_schema_extra={"maxProperties": 16},
    )
    any_node_labels: list[pod_api.LabelMap] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=24,
        description="Sets of labels, one of which a node has whole: clouds name one product"
        " differently.",
    )
    without: list[Without] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Labels, none of which a node has, such as those of a device that is shared.",
    )
    resource_pattern: Pattern | None = pydantic.Field(
        default=None,
        description="Regular expression of the device plugin's resource, matched against the whole"
        " name; the name that a node has is what pods ask for.",
    )


class Image(base.Model):
    """Which default base images its jobs have."""

    variant: Variant = pydantic.Field(
        description="One of the chart's images.variants, such as cuda."
    )


class Peak(base.Model):
    """Dense peak of one device in teraflops (1e12 operations a second), by precision."""

    fp32: Teraflops | None = pydantic.Field(default=None, description="32 bits.")
    bf16: Teraflops | None = pydantic.Field(default=None, description="bfloat16.")
    fp16: Teraflops | None = pydantic.Field(default=None, description="IEEE half precision.")


class Price(base.Model):
    """What one device costs with its share of the machine."""

    hourly: float = pydantic.Field(ge=0, le=1_000_000, description="Amount an hour.")
    currency: Annotated[str, pydantic.Field(pattern="^[A-Z]{3}$", max_length=3)] = pydantic.Field(
        description="ISO 4217 code, such as USD."
    )


class ScaleFromZero(base.Model):
    """A pool of nodes that an autoscaler makes when they are needed: there may be none now."""

    allocatable: int = pydantic.Field(ge=1, le=64, description="Devices of one such node.")
    max_nodes: int = pydantic.Field(ge=1, le=15_000, description="Nodes that the pool may have.")


_DEVICES = base.rule(
    "self.type == 'cpu' ? (!has(self.match) || !has(self.match.resourcePattern))"
    " && !has(self.deviceClassName) && !has(self.scaleFromZero)"
    " : (has(self.match) && has(self.match.resourcePattern)) != has(self.deviceClassName)",
    "a class of type gpu or fpga needs either match.resourcePattern, of a device plugin, or"
    " deviceClassName, of a driver; one of type cpu has neither these nor scaleFromZero",
)
_COMPILES = base.rule(
    "!has(self.match) || !has(self.match.resourcePattern)"
    # One that does not compile is an error, which no list takes in.
    " || ['x'.matches(self.match.resourcePattern)].size() == 1",
    "match.resourcePattern must be a regular expression",
)


class AcceleratorClassSpec(base.Model):
    """How its nodes are found, what its pods get, and what it can do."""

    model_config = pydantic.ConfigDict(json_schema_extra=base.rules(_DEVICES, _COMPILES))

    type: Type = pydantic.Field(description="cpu, gpu or fpga.")
    match: Match | None = pydantic.Field(
        default=None, description="By what its nodes are known; default, of CPUs: every node."
    )
    device_class_name: DeviceClass | None = pydantic.Field(
        default=None,
        description="The DeviceClass of its devices, in place of a device plugin's resource: pods"
        " claim them by dynamic resource allocation.",
    )
    tolerations: list[pod_api.Toleration] | None = pydantic.Field(
        default=None, max_length=16, description="Taints of its nodes that its pods tolerate."
    )
    image: Image | None = pydantic.Field(
        default=None, description="Which default base images its jobs have; default: the plain."
    )
    runtime_class_name: base.Name | None = pydantic.Field(
        default=None, description="RuntimeClass of its pods, such as nvidia."
    )
    peak_teraflops: Peak | None = pydantic.Field(
        default=None, description="What one device does at most; jobs tell their share of it."
    )
    watts: float | None = pydantic.Field(
        default=None, gt=0, le=100_000, description="Power of one device at most."
    )
    price: Price | None = pydantic.Field(
        default=None, description="What one device costs; results of its jobs tell their cost."
    )
    scale_from_zero: ScaleFromZero | None = pydantic.Field(
        default=None,
        description="The autoscaled pool of its nodes: a job that only such a node can hold waits"
        " for one.",
    )

    @property
    def variant(self) -> str:
        """Return which default base images its jobs have; empty for the plain."""
        return self.image.variant if self.image is not None else ""


class AcceleratorClassStatus(base.Model):
    """What the cluster has of it."""

    nodes: int = pydantic.Field(default=0, description="Nodes that match.")
    allocatable: int | None = pydantic.Field(
        default=None,
        description="Their devices; absent of CPUs, and of what a driver allocates.",
    )
    in_use: int | None = pydantic.Field(
        default=None,
        description="Devices that pods of TrainingJobs have now; absent where allocatable is.",
    )
    conditions: list[status.Condition] = pydantic.Field(
        default=[],
        max_length=8,
        description="What is true of the class, by type.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
