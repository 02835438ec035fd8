"""`spec.accelerator`: on what a job trains."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base

ClassName = Annotated[str, pydantic.Field(max_length=63, pattern=base.DNS_LABEL)]
MOST = 64
"""Devices of one replica; no machine of today has more."""


class Type(enum.StrEnum):
    """The kinds of accelerator, and the choice between them."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"
    FPGA = "fpga"


_ONE_NAME = base.rule(
    "!has(self.class) || self.type == 'auto'",
    "a class has its type: remove accelerator.type, or accelerator.class",
)
_NO_COUNT_OF_CPU = base.rule(
    "self.type != 'cpu' || self.count == 1",
    "accelerator.count is of devices, and a CPU is none: ask for cores by resources.cpu",
)
_OTHERS = base.rule(
    "!has(self.fallback) || self.fallback.all(each, each != 'auto' && each != self.type"
    " && (!has(self.class) || each != self.class)"
    " && self.fallback.filter(other, other == each).size() == 1)",
    "accelerator.fallback names cpu, gpu, fpga or classes, each once, and not what is asked first",
)
_OF_WHAT_MAY_LACK = base.rule(
    "!has(self.fallback) || has(self.class) || self.type in ['gpu', 'fpga']",
    "accelerator.fallback goes with accelerator.class, or with type gpu or fpga: auto takes the CPU"
    " by itself, and the CPU is always to be had",
)
_CLAIMED_OF_A_KIND = base.rule(
    "!has(self.resourceClaimTemplateName) || has(self.class) || self.type in ['gpu', 'fpga']",
    "accelerator.resourceClaimTemplateName goes with accelerator.class, or with type gpu or fpga:"
    " the class has the nodes and the image",
)


class Accelerator(base.Model):
    """What each replica trains on."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            _ONE_NAME, _NO_COUNT_OF_CPU, _OTHERS, _OF_WHAT_MAY_LACK, _CLAIMED_OF_A_KIND
        )
    )

    type: Type = pydantic.Field(
        default=Type.AUTO,
        description="cpu, gpu or fpga; auto: a GPU where a class of GPUs can ever hold the job,"
        " else the CPU, which an event and status.placement.fellBackFrom tell.",
    )
    class_: ClassName | None = pydantic.Field(
        default=None,
        alias="class",
        description="An AcceleratorClass by its name; default: the first one of the type that can"
        " ever hold the job.",
    )
    count: int = pydantic.Field(
        default=1, ge=1, le=MOST, description="Devices of each replica; a CPU is none."
    )
    resource_claim_template_name: base.Name | None = pydantic.Field(
        default=None,
        description="Your own ResourceClaimTemplate in the job's namespace, where the class has"
        " deviceClassName; count says how many devices it gives. Default: one is made.",
    )
    fallback: list[ClassName] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Types or classes that are taken, in this order, where no node that there is,"
        " or may be, can ever hold the job; default: it waits.",
    )
