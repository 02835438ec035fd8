"""What a build pod's order gave before is found by one request. A real registry answers."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from hack.cluster import registries
from tests import facts
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.builds import orders
from trainshed.registry import answers, errors

pytestmark = servers.needs_registry
COMMIT = "c" * 40
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"}, config={})


@pytest.fixture
def base(server: servers.Server) -> str:
    """Return the reference of a base image in the registry."""
    return rigs.push(server, BASE)


def order(base: str, ref: str = COMMIT) -> orders.Order:
    git = orders.Git("https://git.example/a.git", ref, ".", submodules=False, secret="")
    return facts.pod_order(base=base, git=git, entrypoint=rigs.ENTRYPOINT)


async def test_an_order_names_its_base_by_digest_and_its_library(rig: rigs.Rig, base: str) -> None:
    found = await rig.builder.prepared("team-a", order(base))

    assert "@sha256:" in found.base
    assert found.library
    assert found.pinned
    assert not dataclasses.replace(found, git=order(base, "main").git).pinned


async def test_a_base_of_an_unknown_registry_is_refused_before_there_is_a_pod(
    rig: rigs.Rig,
) -> None:
    with pytest.raises(errors.NotAllowed):
        await rig.builder.prepared("team-a", order("elsewhere.example/base:1"), push_secret="key")


async def test_a_base_that_only_the_push_secret_may_read_is_left_to_the_pod(
    server: servers.Server, tmp_path: pathlib.Path
) -> None:
    login = registries.Credentials("reader", "secret")
    wanted = servers.Wanted(credentials=login)
    with servers.started(tmp_path / "private", wanted) as private:
        base = rigs.push(private, BASE, auth=(login.user, login.password))
        async with rigs.opened(server, allowed=(f"http://{private.address}",)) as rig:
            found = await rig.builder.prepared("team-a", order(base), push_secret="key")
            with pytest.raises(errors.Unauthorized):
                await rig.builder.prepared("team-a", order(base))

    assert found.base == base
    assert found.library
    assert not found.pinned


async def test_a_base_of_another_namespace_is_refused_before_there_is_a_pod(
    rig: rigs.Rig, server: servers.Server
) -> None:
    with pytest.raises(errors.BaseNotAllowed):
        await rig.builder.prepared("team-a", order(f"{server.address}/trainshed/ns/team-b:x"))


async def test_what_an_order_gave_is_found_by_one_request(rig: rigs.Rig, base: str) -> None:
    wanted = await rig.builder.prepared("team-a", order(base))
    assert await rig.builder.find("team-a", wanted) is None
    made = await rig.make(base)
    await rig.builder.keep("team-a", wanted, made)

    rig.wire.clear()
    found = await rig.builder.find("team-a", wanted)

    assert len(rig.wire.seen) == 1
    assert found is not None
    assert (found.ref, found.key, found.base_digest) == (made.ref, made.key, made.base_digest)
    assert (found.cache_hit, found.source_revision) == (True, COMMIT)


async def test_what_a_namespace_built_is_no_answer_to_another(rig: rigs.Rig, base: str) -> None:
    wanted = await rig.builder.prepared("team-a", order(base))
    await rig.builder.keep("team-a", wanted, await rig.make(base))

    assert await rig.builder.find("team-b", wanted) is None


async def test_an_image_without_our_marks_is_no_answer(
    rig: rigs.Rig, server: servers.Server, base: str
) -> None:
    wanted = await rig.builder.prepared("team-a", order(base))
    rigs.push(server, BASE, repository="trainshed/ns/team-a", tag=answers.tag(wanted))

    assert await rig.builder.find("team-a", wanted) is None
