"""The frameworks by their name in `spec.framework`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainshed.api import spec
from trainshed.frameworks import custom, pytorch, tensorflow

FRAMEWORKS: Mapping[spec.Framework, Sequence[str]] = {
    spec.Framework.PYTORCH: pytorch.ENTRY_POINT,
    spec.Framework.TENSORFLOW: tensorflow.ENTRY_POINT,
    spec.Framework.CUSTOM: custom.ENTRY_POINT,
}
"""The entry point of each framework's built-in models."""
