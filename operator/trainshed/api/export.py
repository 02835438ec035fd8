"""`spec.export`: the trained model as files that need no training library."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import pydantic

from trainshed.api import base, volumes

MOUNT = "/exports"
"""Where `export.volume` is mounted."""


class Format(enum.StrEnum):
    """The kinds of files."""

    SAVEDMODEL = "savedmodel"
    TORCHSCRIPT = "torchscript"
    ONNX = "onnx"


WRITTEN: Mapping[str, Sequence[Format]] = {
    "pytorch": (Format.TORCHSCRIPT, Format.ONNX),
    "tensorflow": (Format.SAVEDMODEL, Format.ONNX),
}
"""What each framework writes."""


class Export(base.Model):
    """Files of the trained model, each job's in a folder of its own: NAMESPACE/NAME."""

    formats: list[Format] = pydantic.Field(
        min_length=1,
        max_length=len(Format),
        description="What is written: torchscript by pytorch, savedmodel by tensorflow, onnx by "
        "both. Each is read back and compared with the trained model.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    volume: volumes.OwnClaim = pydantic.Field(description="A claim, mounted at /exports.")
    benchmark: bool = pydantic.Field(
        default=False, description="Whether each file is timed, with one sample and with many."
    )


def _fits(framework: str, known: Sequence[Format]) -> dict[str, str]:
    """Return the rule that refuses what a framework does not write."""
    names = ", ".join(f"'{each}'" for each in known)
    return base.rule(
        f"!has(self.export) || self.framework != '{framework}'"
        f" || self.export.formats.all(each, each in [{names}])",
        f"{framework} writes {' and '.join(known)}: remove the others from export.formats",
    )


FITS = [_fits(framework, known) for framework, known in WRITTEN.items()]
MOUNTED = volumes.free("has(self.export)", MOUNT, "export.volume is mounted at /exports")
