"""`export`: the trained model as files that need no training library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainshed_trainer import limits

FORMATS: Mapping[str, tuple[str, ...]] = {
    "pytorch": ("torchscript", "onnx"),
    "tensorflow": ("savedmodel", "onnx"),
}
"""What each framework writes."""


@dataclass(frozen=True, slots=True)
class Export:
    """Files in the folder that TRAINSHED_EXPORT_DIR names. `benchmark`: time each of them."""

    formats: tuple[str, ...] = limits.some_of("savedmodel", "torchscript", "onnx")
    benchmark: bool = False

    def conflict(self) -> str:
        """Return what the fields are not together."""
        return "" if self.formats else ".formats must name at least one format"
