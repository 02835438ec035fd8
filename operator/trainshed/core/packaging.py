"""A job's packages, as its build is told of them."""

from __future__ import annotations

from trainshed.api import requirements as api
from trainshed.api import spec
from trainshed.builds import requirements
from trainshed.core import policy


def wanted(
    found: api.Requirements | None, settings: policy.Policy
) -> requirements.Requirements | None:
    """Return what a job wants, with the operator's own index where it names none."""
    if found is None:
        return None
    return requirements.Requirements(
        file=found.file or "",
        packages=tuple(found.packages or ()),
        index=found.index or settings.index,
        constraints=settings.constraints,
        secret=found.index_secret.name if found.index_secret else "",
        wheels_only=found.wheels_only,
    )


def devel(found: spec.TrainingJobSpec, settings: policy.Policy) -> str:
    """Return the image in which a job's source distributions are built.

    Empty for the builder's own, and where wheels alone are taken.
    """
    asked = found.source.requirements if found.source is not None else None
    if asked is None or asked.wheels_only:
        return ""
    return settings.devel_images.get(found.framework, "")
