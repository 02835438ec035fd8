"""A job's packages on their way into its order."""

from __future__ import annotations

import dataclasses

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.builds import requirements


def wanted(**fields: object) -> requirements.Requirements:
    """Return what the order of an inline job asks for."""
    source = {"inline": {"files": {"train.py": "x"}}, "requirements": fields}
    own = dataclasses.replace(
        facts.settings(), index="https://own.example/simple", constraints="numpy<3"
    )
    seen = builders.observation(builders.training_job().spec(source=source))
    order = passes.decided(seen, settings=own).build
    assert order is not None
    assert order.pod is not None
    assert order.pod.requirements is not None
    return order.pod.requirements


def test_a_job_with_packages_is_built_in_a_pod_from_the_operators_index() -> None:
    assert wanted(packages=["einops==0.8.1"]) == requirements.Requirements(
        packages=("einops==0.8.1",),
        index="https://own.example/simple",
        constraints="numpy<3",
    )


def test_a_job_may_name_an_index_of_its_own() -> None:
    found = wanted(file="r.txt", index="https://i.example", indexSecret={"name": "key"})
    assert (found.file, found.index, found.secret) == ("r.txt", "https://i.example", "key")


DEVEL = {"pytorch": "registry/pytorch-devel:1"}


@pytest.mark.parametrize(
    ("wheels_only", "images", "devel"),
    [(False, DEVEL, DEVEL["pytorch"]), (False, {}, ""), (True, DEVEL, "")],
    ids=["built in the development image", "in the builder's own", "not built"],
)
def test_where_packages_are_built(wheels_only: bool, images: dict[str, str], devel: str) -> None:
    asked = {"packages": ["einops==0.8.1"], "wheelsOnly": wheels_only}
    source = {"inline": {"files": {"train.py": "x"}}, "requirements": asked}
    seen = builders.observation(builders.training_job().spec(source=source))
    order = passes.decided(seen, settings=facts.settings(devel_images=images)).build

    assert order is not None
    assert order.pod is not None
    assert (order.pod.makes_wheels, order.pod.wheels_in) == (not wheels_only, devel)


def test_a_job_without_packages_needs_no_pod() -> None:
    order = passes.decided(builders.observation(builders.training_job().script())).build
    assert order is not None
    assert order.pod is None
