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
from trainshed.builds import freshness, orders, provenance
from trainshed.core import observed
from trainshed.registry import errors

pytestmark = servers.needs_registry
COMMIT = "c" * 40
NOW = 1_700_000_000.0
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


async def test_a_base_of_a_registry_that_is_not_allowed_is_left_to_the_pod(rig: rigs.Rig) -> None:
    found = await rig.builder.prepared("team-a", order("elsewhere.example/base:1"))

    assert found.base == "elsewhere.example/base:1"
    assert found.library
    assert not found.pinned
    assert rig.wire.seen == []


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


async def kept(
    rig: rigs.Rig, base: str, *, ref: str = COMMIT, refresh: str = ""
) -> tuple[orders.Order, observed.BuiltImage]:
    """Return an order, and the image that its build pod has made and tagged at NOW."""
    asked = dataclasses.replace(order(base, ref), refresh=refresh)
    wanted = await rig.builder.prepared("team-a", asked)
    marks = provenance.of_git("https://git.example/a.git", COMMIT)
    made = await rig.make(base, marks=marks)
    await rig.builder.keep("team-a", freshness.tags(wanted, began=NOW), made)
    rig.wire.clear()
    return wanted, made


async def answered(
    rig: rigs.Rig, wanted: orders.Order, *, now: float = NOW, namespace: str = "team-a"
) -> observed.BuiltImage | None:
    """Return what answers an order, if anything does."""
    tag = freshness.tag(wanted, now=now)
    return None if tag is None else await rig.builder.find(namespace, tag)


@pytest.mark.parametrize(
    ("ref", "refresh"), [(COMMIT, ""), (COMMIT, "always"), ("main", "daily"), ("main", "never")]
)
async def test_what_an_order_gave_is_found_by_one_request(
    rig: rigs.Rig, base: str, ref: str, refresh: str
) -> None:
    wanted, made = await kept(rig, base, ref=ref, refresh=refresh)

    found = await answered(rig, wanted)

    assert len(rig.wire.seen) == 1
    assert found is not None
    assert (found.ref, found.key, found.base_digest) == (made.ref, made.key, made.base_digest)
    assert (found.cache_hit, found.hits, found.source_revision) == (True, ("order",), COMMIT)


async def test_a_branch_is_asked_for_nowhere_unless_the_job_says_so(
    rig: rigs.Rig, base: str
) -> None:
    for refresh in ("", "always"):
        wanted, _ = await kept(rig, base, ref="main", refresh=refresh)
        assert await answered(rig, wanted) is None
        assert rig.wire.seen == []


async def test_a_day_is_one_of_the_calendar_and_never_is_for_ever(rig: rigs.Rig, base: str) -> None:
    daily, made = await kept(rig, base, ref="main", refresh="daily")
    never = dataclasses.replace(daily, refresh="never")

    # NOW is 22:13:20 UTC.
    assert await answered(rig, daily, now=NOW + 6000) is not None
    assert await answered(rig, daily, now=NOW + 6401) is None
    found = await answered(rig, never, now=NOW + 1e8)
    assert found is not None
    assert found.ref == made.ref


async def test_the_image_tells_no_time(rig: rigs.Rig, base: str) -> None:
    wanted, made = await kept(rig, base, ref="main", refresh="daily")
    await rig.builder.keep("team-a", freshness.tags(wanted, began=NOW + 86_400), made)

    for day in (0, 1):
        found = await answered(rig, wanted, now=NOW + day * 86_400)
        assert found is not None
        assert found.ref == made.ref


async def test_what_a_namespace_built_is_no_answer_to_another(rig: rigs.Rig, base: str) -> None:
    wanted, _ = await kept(rig, base)

    assert await answered(rig, wanted, namespace="team-b") is None


async def test_an_image_without_our_marks_is_no_answer(
    rig: rigs.Rig, server: servers.Server, base: str
) -> None:
    wanted = await rig.builder.prepared("team-a", order(base))
    rigs.push(server, BASE, repository="trainshed/ns/team-a", tag=f"o-{wanted.hash()}")

    assert await answered(rig, wanted) is None
