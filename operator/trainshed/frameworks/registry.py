"""The frameworks by their name in `spec.framework`."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.api import spec
from trainshed.frameworks import base, custom, pytorch, tensorflow

FRAMEWORKS: Mapping[spec.Framework, base.Framework] = {
    spec.Framework.PYTORCH: pytorch.FRAMEWORK,
    spec.Framework.TENSORFLOW: tensorflow.FRAMEWORK,
    spec.Framework.CUSTOM: custom.FRAMEWORK,
}
