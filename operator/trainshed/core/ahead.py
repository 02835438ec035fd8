"""The image of a job that no node can hold yet: it is built while the job waits for nodes.

The base of an image depends on the class of accelerator, which is still open. So it is built where
every class that the job may get has the same one. The status names no image before a class is
chosen: then it is asked for again, and found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from trainshed.api import accelerator as api
from trainshed.api import image as image_api
from trainshed.api import reasons, spec
from trainshed.core import choosing, failures, imaging, judging, observed, plan, policy
from trainshed.core import draft as drafts

Type = reasons.ConditionType


def settle(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    waits: observed.Refusal,
    settings: policy.Policy,
) -> plan.BuildOrder | failures.Failed | None:
    """Return the build to begin meanwhile, or the end of a job whose image can't be made."""
    if waits.reason != reasons.Reason.NO_NODE_FITS or not _open(found.image):
        return None
    if seen.build is None and draft.stored_true(Type.IMAGE_READY):
        return None  # It was built before a restart, and the registry has it.
    variants = set(_variants(found, seen))
    if len(variants) != 1 and judging.takes_default(found):
        return None
    settings = choosing.based(settings, variants.pop())
    step = imaging.settle(draft, found, imaging.of_base(seen, found, settings), settings)
    draft.fields.pop("image", None)
    return dataclasses.replace(step, placement=None) if isinstance(step, plan.BuildOrder) else step


def _open(image: image_api.Image | None) -> bool:
    """Return whether there is something to build that any node may run.

    Whether nodes mount images is asked of those of the class, which is not known.
    """
    return image is None or (image.ref is None and not image.mounted)


def _variants(found: spec.TrainingJobSpec, seen: observed.Observation) -> Iterator[str]:
    """Yield the variant of base images of each class that a job may get."""
    asked = found.accelerator or api.Accelerator(type=api.Type.CPU)
    for wish in (str(asked.class_ or asked.type), *(asked.fallback or ())):
        for class_ in judging.candidates(wish, judging.known(seen)):
            yield class_.variant
        if wish == api.Type.CPU:
            yield ""
