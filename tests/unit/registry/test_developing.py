"""What a development image's name means: asked where it may be, left to the nodes elsewhere."""

from __future__ import annotations

import pytest

from tests import facts
from tests.unit.registry import faulty
from trainshed.registry import errors


async def test_a_development_image_is_named_by_what_its_tag_means() -> None:
    rig = faulty.Rig(faulty.Registry())
    order = facts.pod_order(base=faulty.BASE_NAME, compile=faulty.BASE_NAME)

    found = await rig.builder.prepared("team-a", order)

    assert found.compile == found.base
    assert "@sha256:" in found.compile
    assert found.pinned


async def test_one_that_must_not_be_called_stays_a_name() -> None:
    rig = faulty.Rig(faulty.Registry())
    order = facts.pod_order(base=faulty.BASE_NAME, compile="elsewhere.example/devel:1")

    found = await rig.builder.prepared("team-a", order)

    assert found.compile == "elsewhere.example/devel:1"
    assert not found.pinned


async def test_one_that_is_not_there_is_told_with_the_charts_value() -> None:
    rig = faulty.Rig(faulty.Registry())
    missing = f"{faulty.BASE_NAME}-devel"
    order = facts.pod_order(base=faulty.BASE_NAME, compile=missing)

    with pytest.raises(errors.BaseNotFound, match=r"images\.devel of the chart"):
        await rig.builder.prepared("team-a", order)


async def test_the_image_that_packages_are_built_in_is_named_likewise() -> None:
    rig = faulty.Rig(faulty.Registry())
    order = facts.pod_order(base=faulty.BASE_NAME, wheels_in=faulty.BASE_NAME)

    found = await rig.builder.prepared("team-a", order)

    assert (found.compile, found.wheels_in) == ("", found.base)
    assert "@sha256:" in found.wheels_in


async def test_nothing_is_asked_where_nothing_is_compiled() -> None:
    rig = faulty.Rig(faulty.Registry())
    found = await rig.builder.prepared("team-a", facts.pod_order(base=faulty.BASE_NAME))
    assert found.compile == ""
