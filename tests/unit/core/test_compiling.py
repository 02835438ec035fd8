"""Extensions of a job's own code: ordered of a pod, or refused at once."""

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.core import policy

DEVEL = {"pytorch": "registry/pytorch-devel:1", "tensorflow": ""}
INLINE = {"files": {"setup.py": "", "train.py": ""}}


def job(**source: object) -> builders.TrainingJobBuilder:
    return builders.training_job().spec(source={"inline": INLINE, "compile": True, **source})


def rules() -> policy.Policy:
    return facts.settings(devel_images=DEVEL)


def test_what_is_compiled_is_ordered_of_a_pod_with_its_frameworks_image() -> None:
    order = passes.decided(builders.observation(job()), settings=rules()).build

    assert order is not None
    assert order.pod is not None
    assert order.pod.compile == DEVEL["pytorch"]
    assert order.pod.requirements is None


def test_what_is_not_compiled_needs_no_pod_and_no_image() -> None:
    plain = builders.observation(job(compile=False))
    order = passes.decided(plain, settings=facts.settings()).build

    assert order is not None
    assert order.pod is None


@pytest.mark.parametrize(
    ("asked", "settings", "field"),
    [
        (job(), facts.settings(), "images.devel.pytorch"),
        (job().tensorflow(), rules(), "images.devel.tensorflow"),
    ],
    ids=["no image", "another's"],
)
def test_a_job_whose_framework_has_no_image_ends_at_once(
    asked: builders.TrainingJobBuilder, settings: policy.Policy, field: str
) -> None:
    found = passes.decided(builders.observation(asked), settings=settings)

    assert found.build is None
    told = passes.read(found)
    assert told.phase is phases.Phase.FAILED
    assert passes.reasons(found)["ImageReady"] == ("False", "DevelImageMissing")
    assert field in passes.condition(found, "Failed")[2]
