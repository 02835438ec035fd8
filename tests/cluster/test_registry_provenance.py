"""Images that say where their code is from. A real registry answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.builds import provenance

pytestmark = servers.needs_registry
PLATFORMS = ("linux/amd64", "linux/arm64")
FIRST = provenance.of_git("https://git.example/code", "a" * 40)
SECOND = provenance.of_git("https://git.example/code", "b" * 40)


@pytest.fixture(params=[PLATFORMS[:1], PLATFORMS], ids=["one platform", "two"])
def platforms(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture
def base(server: servers.Server, platforms: tuple[str, ...]) -> str:
    """Return the reference of a base image in the registry."""
    files = {"usr/bin/python3": b"#!/bin/sh\n"}
    each = {one: images.image(files, platform=one) for one in platforms}
    return rigs.push(server, images.index(each) if len(each) > 1 else each[platforms[0]])


async def test_commits_of_the_same_code_share_all_but_what_is_said_of_them(
    rig: rigs.Rig, server: servers.Server, base: str, platforms: tuple[str, ...]
) -> None:
    first = await rig.make(base, marks=FIRST, platforms=platforms)
    second = await rig.make(base, marks=SECOND, platforms=platforms)

    assert not rig.wire.of("POST", "/blobs/")
    assert (first.key, first.cache_hit, second.cache_hit) == (second.key, False, True)
    said: list[Any] = [rigs.manifest(server, each.ref) for each in (first, second)]
    for document, marks in zip(said, (FIRST, SECOND), strict=True):
        assert marks.items() <= document.pop("annotations").items()
    assert said[0] == said[1]


async def test_the_same_commit_is_the_same_image_whatever_was_built_in_between(
    rig: rigs.Rig, base: str, platforms: tuple[str, ...]
) -> None:
    first = await rig.make(base, marks=FIRST, platforms=platforms)
    second = await rig.make(base, marks=SECOND, platforms=platforms)
    rig.later(60)

    again = [await rig.make(base, marks=FIRST, platforms=platforms)]
    assert len(rig.wire.seen) == 2, "what the base's tag means, and the image's own tag"
    again.append(await rig.make(base, marks=FIRST, platforms=platforms, forced=True))
    assert {each.ref for each in again} == {first.ref}
    relabelled = await rig.make(base, marks=SECOND, platforms=platforms, forced=True)
    assert relabelled.ref == second.ref, "made anew, it is what was found before"
