"""Old images of a real registry: what goes, what stays, and that what stays can be pulled."""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import builders
from tests import granting_rig as grants
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.cluster.test_bundled_registry import Bearer
from tests.unit.registry import images, test_layouts
from trainshed.core import observed
from trainshed.kube import errors as api_errors
from trainshed.registry import errors, holdings
from trainshed.runtime import cache as caches
from trainshed.runtime import collecting, turns

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n" * 4000})
DAYS = 30


@dataclass
class Bench:
    """A registry with a builder, a cache of jobs, and what lets old images go."""

    server: servers.Server
    rig: rigs.Rig
    cache: caches.Cache = field(default_factory=caches.Cache)
    turns: turns.Turns = field(default_factory=turns.Turns)
    day: float = 20_000.0
    counted: int = 0
    restarts: int = 0
    refuses: bool = False
    served: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Make the collector."""
        self.collector = collecting.Collector(self._seams())

    def _seams(self) -> collecting.Seams:
        return collecting.Seams(
            client=self.rig.builder.own(),
            cache=self.cache,
            turns=self.turns,
            folder=grants.FOLDER,
            days=DAYS,
            served=self.served,
            free=self._free,
            clock=lambda: self.day * 86400,
            count=self._count,
        )

    async def _free(self) -> None:
        if self.refuses:
            raise api_errors.Forbidden("no", status=403)
        self.restarts += 1

    def _count(self, tags: int) -> None:
        self.counted += tags

    async def built(self, code: str, namespace: str = "team-a") -> observed.BuiltImage:
        """Build an image."""
        files = {"train.py": code.encode()}
        return await self.rig.make(base(self.server), files, namespace=namespace)

    def job(self, image: observed.BuiltImage, name: str = "job") -> observed.TrainingJobView:
        """Let there be a job whose status names an image."""
        status = json.dumps({"image": {"ref": image.ref, "key": image.key}}).encode()
        known = builders.training_job().cnn().view()
        view = observed.TrainingJobView(
            key=observed.JobKey("team-a", name),
            uid=observed.Uid(f"uid-{name}"),
            resource_version="1",
            generation=1,
            created=known.created,
            first_seen=known.first_seen,
            deleting=False,
            spec=known.spec,
            status=status,
        )
        self.cache.put_job(view)
        return view

    async def rounds(self, *days: float) -> int:
        """Go round after so many days each; return how many tags went."""
        gone = 0
        for each in days:
            self.day += each
            gone += await self.collector.round()
        return gone

    async def there(self, image: observed.BuiltImage) -> bool:
        """Return whether an image can be pulled to its last byte."""
        client = self.rig.builder.own()
        repository, _, digest = image.ref.partition("/")[2].partition("@")
        try:
            document = await client.manifest(repository, digest)
        except errors.NotFound:
            return False
        blobs = [document["config"], *document["layers"]]
        return all([await client.has_blob(repository, each["digest"]) for each in blobs])


def collected(config: str) -> str:
    """Have a registry's bytes collected, as before it serves; return what the program says."""
    command = [str(servers.PROGRAM), "garbage-collect", config]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def base(server: servers.Server) -> str:
    return f"{server.address}/bases/python:1"


@pytest.fixture
async def grant() -> AsyncIterator[grants.Rig]:
    """Return a token service."""
    async with grants.Rig().serving() as found:
        yield found


@pytest.fixture
def server(tmp_path: pathlib.Path, grant: grants.Rig) -> Iterator[servers.Server]:
    """Return a registry that believes it."""
    with servers.started(tmp_path / "registry", grant.wanted(tmp_path / "keys")) as found:
        access: list[dict[str, Any]] = [
            {"type": "repository", "name": "bases/python", "actions": ["pull", "push"]}
        ]
        rigs.push(found, BASE, auth=Bearer(grant.signer.token(access, subject="admin")))
        yield found


@pytest.fixture
async def bench(server: servers.Server, grant: grants.Rig) -> AsyncIterator[Bench]:
    """Return all of it."""
    async with rigs.opened(server, issue=grant.operator) as rig:
        yield Bench(server, rig)


async def test_an_image_that_no_job_names_goes_after_its_days(bench: Bench) -> None:
    old, living = await bench.built("1"), await bench.built("2")
    bench.job(living)

    assert await bench.rounds(0, DAYS - 1) == 0
    assert await bench.there(old)
    assert await bench.rounds(1) == 1
    assert (await bench.there(old), await bench.there(living)) == (False, True)
    assert bench.counted == 1


async def test_all_tags_of_an_image_are_counted_and_go(bench: Bench) -> None:
    old = await bench.built("1")
    await bench.rig.builder.keep("team-a", ("o-" + "1" * 32,), old)

    assert await bench.rounds(0, DAYS) == 2


async def test_days_are_remembered_by_the_registry_itself(bench: Bench) -> None:
    old = await bench.built("1")
    await bench.rounds(0, DAYS - 1)
    bench.collector = collecting.Collector(bench._seams())

    assert await bench.rounds(1) == 1
    assert not await bench.there(old)
    tags = await holdings.read(bench.rig.builder.own(), "trainshed/ns/team-a")
    assert tags == [], "our own mark is no image"


async def test_an_image_of_a_build_that_has_just_ended_is_named(bench: Bench) -> None:
    old = await bench.built("1")
    await bench.rounds(0, DAYS - 1)
    job = bench.job(await bench.built("2"))
    bench.cache.put_build(job.uid, observed.BuildView(image=old))

    assert await bench.rounds(1) == 0
    assert await bench.there(old)


async def test_a_namespace_in_which_something_is_built_is_left_alone(bench: Bench) -> None:
    await bench.built("1")
    await bench.built("1", namespace="team-b")
    await bench.rounds(0)
    async with bench.turns.building("team-a"):
        assert await bench.rounds(DAYS) == 1
    assert await bench.rounds(0) == 1


async def test_namespaces_that_are_not_served_are_left_alone(bench: Bench) -> None:
    await bench.built("1")
    theirs = await bench.built("1", namespace="team-b")
    bench.served = frozenset({"team-a"})
    bench.collector = collecting.Collector(bench._seams())

    assert await bench.rounds(0, DAYS) == 1
    assert await bench.there(theirs)


async def test_a_job_that_names_an_old_image_while_it_is_judged_keeps_it(bench: Bench) -> None:
    old = await bench.built("1")
    await bench.rounds(0)

    def named(seen: servers.Seen) -> None:
        if "tags/list" in seen.url.path:
            bench.rig.wire.watch = lambda each: (
                bench.job(old, "late") if "trainshed-used" in each.url.path else None
            )

    bench.rig.wire.watch = named
    assert await bench.rounds(DAYS) == 0
    assert await bench.there(old)


async def test_what_is_left_of_a_repository_can_be_pulled_after_its_bytes_are_freed(
    bench: Bench, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    old, living = await bench.built("1"), await bench.built("2")
    bench.job(living)
    await bench.rounds(0, DAYS)
    config = str(tmp_path / "registry" / "registry.json")
    said = await asyncio.to_thread(collected, config)

    # Its manifest, its config and its code, and what was remembered of the first round; of the
    # layers that both have, none.
    assert said.count("blob eligible for deletion") == 4
    assert await bench.there(living), "what both had is still there"
    assert server.holds(BASE.layers[0])
    # The same code again is built anew, and found to be whole.
    bench.rig.later(3600)
    again = await bench.built("1")
    assert (again.ref, again.cache_hit) == (old.ref, False)
    assert await bench.there(again)


async def test_an_index_keeps_its_parts_and_takes_them_along(
    bench: Bench, server: servers.Server, grant: grants.Rig, tmp_path: pathlib.Path
) -> None:
    one, other = (
        images.index({"linux/amd64": images.image({"app": name})}) for name in (b"1", b"2")
    )
    repository = "trainshed/ns/team-a"
    bearer = Bearer(await grant.operator([f"repository:{repository}:pull,push"]))
    for number, index in enumerate((one, other)):
        rigs.push(server, index, repository=repository, tag=f"b-{number:032x}", auth=bearer)
    image = observed.BuiltImage(
        f"{server.address}/{repository}@{other.digest}", "b-x", other.digest, False, 0.0, 0
    )
    bench.job(image)

    assert await bench.rounds(0, DAYS) == 1
    await asyncio.to_thread(collected, str(tmp_path / "registry" / "registry.json"))
    client = bench.rig.builder.own()
    (gone,), (kept,) = one.manifests, other.manifests
    with pytest.raises(errors.NotFound):
        await client.manifest(repository, gone.digest)
    assert not server.holds(gone.layers[0])
    assert await client.manifest(repository, kept.digest)
    assert server.holds(kept.layers[0])


async def test_what_a_dockerfile_gave_goes_with_what_was_put_onto_it(
    bench: Bench, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    given = images.image({"usr/bin/python3": b"#!/bin/sh\n" * 4000}, {"opt/own": b"own" * 999})
    test_layouts.write(tmp_path, given)
    name, _ = await bench.rig.builder.adopt("team-a", tmp_path, "linux/amd64")
    image = await bench.rig.make(name, {"train.py": b"1"}, namespace="team-a")
    job = bench.job(image)
    own = given.layers[1]

    assert await bench.rounds(0, DAYS) == 1, "what it stood on"
    await asyncio.to_thread(collected, str(tmp_path / "registry" / "registry.json"))
    assert await bench.there(image)
    assert server.holds(own)
    bench.cache.drop_job(job.key, job.uid)
    assert await bench.rounds(DAYS) == 1
    await asyncio.to_thread(collected, str(tmp_path / "registry" / "registry.json"))
    assert not server.holds(own)


async def test_bytes_are_freed_once_a_day_and_while_nothing_is_built(bench: Bench) -> None:
    await bench.collector.free()
    assert bench.restarts == 0, "nothing went"
    await bench.built("1")
    await bench.rounds(0, DAYS)
    async with bench.turns.building("team-b"):
        await bench.collector.free()
    assert bench.restarts == 0
    bench.refuses = True
    await bench.collector.free()
    bench.refuses = False
    await bench.collector.free()
    await bench.collector.free()
    assert bench.restarts == 1

    await bench.built("2")
    await bench.rounds(0, DAYS)
    await bench.collector.free()
    assert bench.restarts == 2


async def test_a_registry_that_refuses_or_is_down_ends_nothing(
    bench: Bench, server: servers.Server
) -> None:
    await bench.built("1")
    await bench.rounds(0)
    async with rigs.opened(server, issue=grants.Rig().operator) as stranger:
        refused = Bench(server, stranger, day=bench.day + DAYS)
        assert await refused.rounds(0) == 0
    down = servers.Server("127.0.0.1:1", "http://127.0.0.1:1", server.data, server.log)
    async with rigs.opened(down) as nobody:
        assert await Bench(down, nobody, day=bench.day + DAYS).rounds(0) == 0
    assert await bench.rounds(DAYS) == 1
