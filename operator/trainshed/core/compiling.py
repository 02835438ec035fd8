"""Where a job's extensions are compiled: the development image of its framework."""

from __future__ import annotations

from trainshed.api import reasons, spec
from trainshed.core import observed, policy


def asked(found: spec.TrainingJobSpec) -> bool:
    """Return whether a job's source is compiled."""
    return found.source is not None and found.source.compile


def image(found: spec.TrainingJobSpec, settings: policy.Policy) -> str:
    """Return the image that a job's source is compiled in; empty where nothing is, or can be."""
    return settings.devel_images.get(found.framework, "") if asked(found) else ""


def refusal(found: spec.TrainingJobSpec, settings: policy.Policy) -> observed.Refusal | None:
    """Return why a job's source can't be compiled here; None where it can, or need not."""
    if not asked(found) or image(found, settings):
        return None
    message = (
        f"nothing here compiles extensions for framework {found.framework}: have"
        f" images.devel.{found.framework} set in the chart, or remove source.compile; then create"
        " the job anew"
    )
    return observed.Refusal(reasons.BuildReason.DEVEL_IMAGE_MISSING, message, terminal=True)
