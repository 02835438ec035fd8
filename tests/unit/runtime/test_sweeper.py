import asyncio
from collections.abc import Mapping

import pytest

from tests.unit.kube.store import Store
from trainshed.core import observed
from trainshed.kube import errors, kinds
from trainshed.kube.kinds import Body, Kind
from trainshed.runtime import sweeper

JOBS = sweeper.Watched(kinds.JOBS, "app.kubernetes.io/managed-by=trainshed")


class Cache:
    """Members by kind, and what the sweeper did to them."""

    def __init__(self) -> None:
        self.held: dict[Kind, dict[observed.Uid, sweeper.Member]] = {kinds.JOBS: {}}

    def members(self, kind: Kind) -> Mapping[observed.Uid, sweeper.Member]:
        return dict(self.held.get(kind, {}))

    def evict(self, kind: Kind, uid: observed.Uid) -> None:
        del self.held[kind][uid]

    def restore(self, kind: Kind, body: Body) -> None:
        metadata = body["metadata"]
        member = sweeper.Member(metadata["namespace"], metadata["name"])
        self.held[kind][observed.Uid(metadata["uid"])] = member

    def names(self) -> set[str]:
        return {member.name for member in self.held[kinds.JOBS].values()}


class Rig:
    """A cache and an API server that agree until a test says otherwise."""

    def __init__(self, *names: str) -> None:
        self.api = Store()
        self.cache = Cache()
        for name in names:
            self.cache.restore(kinds.JOBS, self.create(name))
        self.sweeper = sweeper.Sweeper(self.api, self.cache, [JOBS], random=lambda: 0.5)

    def create(self, name: str) -> Body:
        return self.api.put(kinds.JOBS, {"metadata": {"namespace": "team-a", "name": name}})

    def delete(self, name: str) -> None:
        self.api.remove(kinds.JOBS, name=name, namespace="team-a")


async def test_an_agreeing_cache_costs_one_listing() -> None:
    rig = Rig("a", "b")
    await rig.sweeper.sweep(JOBS)
    assert rig.api.requests == ["list jobs"]
    assert rig.cache.names() == {"a", "b"}


async def test_a_ghost_is_confirmed_and_evicted() -> None:
    rig = Rig("a", "ghost")
    rig.delete("ghost")
    await rig.sweeper.sweep(JOBS)
    assert rig.api.requests == ["list jobs", "get jobs"]
    assert rig.cache.names() == {"a"}


async def test_a_ghost_whose_name_was_taken_again_is_replaced() -> None:
    rig = Rig("a")
    [old] = rig.cache.members(kinds.JOBS)
    rig.delete("a")
    rig.create("a")
    await rig.sweeper.sweep(JOBS)
    [new] = rig.cache.members(kinds.JOBS)
    assert new != old


async def test_an_object_that_no_watch_told_of_is_restored() -> None:
    rig = Rig("a")
    rig.create("missed")
    await rig.sweeper.sweep(JOBS)
    assert rig.cache.names() == {"a", "missed"}


async def test_an_object_deleted_during_the_sweep_is_not_restored() -> None:
    rig = Rig()
    rig.create("brief")

    async def vanish(verb: str, kind: Kind | None) -> None:
        if verb == "get":
            rig.delete("brief")

    rig.api.before = vanish
    await rig.sweeper.sweep(JOBS)
    assert rig.cache.names() == set()


async def test_an_object_cached_during_the_listing_is_no_ghost() -> None:
    rig = Rig("a")

    async def arrive(verb: str, kind: Kind | None) -> None:
        if verb == "list":
            rig.cache.restore(
                kinds.JOBS, {"metadata": {"namespace": "team-a", "name": "new", "uid": "uid-new"}}
            )

    rig.api.before = arrive
    await rig.sweeper.sweep(JOBS)
    assert rig.cache.names() == {"a", "new"}


async def test_chosen_namespaces_are_listed_one_by_one() -> None:
    rig = Rig("a")
    watched = sweeper.Watched(kinds.JOBS, namespaces=("team-a", "team-b"))
    assert len(await sweeper.census(rig.api, watched)) == 1
    assert rig.api.requests == ["list jobs", "list jobs"]


@pytest.mark.looptime
async def test_rounds_are_ten_to_fifteen_minutes_apart() -> None:
    rig = Rig("a")
    task = asyncio.create_task(rig.sweeper.run())
    await asyncio.sleep(749)
    assert rig.api.requests == []
    await asyncio.sleep(2)
    assert rig.api.requests == ["list jobs"]
    await asyncio.sleep(750)
    assert rig.api.requests == ["list jobs", "list jobs"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.looptime
async def test_a_round_that_fails_is_followed_by_the_next() -> None:
    rig = Rig("a")

    async def down(verb: str, kind: Kind | None) -> None:
        raise errors.Unavailable("down")

    rig.api.before = down
    task = asyncio.create_task(rig.sweeper.run())
    await asyncio.sleep(1600)
    assert rig.api.requests == ["list jobs", "list jobs"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
