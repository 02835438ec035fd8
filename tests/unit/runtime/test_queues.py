"""Kueue's Workloads: where they are watched, and what the sweeper compares."""

from tests import builders
from tests.unit.kube.store import Store
from trainshed.kube import kinds
from trainshed.runtime import cache as caches
from trainshed.runtime import intake, membership, queues

NEWEST, OLDER = kinds.WORKLOADS
SERVED = {"resources": [{"name": "clusterqueues"}, {"name": "workloads"}]}


async def watched(store: Store, *, enabled: bool = True) -> list[kinds.Kind]:
    """Return the kinds that are watched."""
    found = await queues.watched(store, enabled=enabled, namespaces=("team-a",))
    assert all(each.selector and each.namespaces == ("team-a",) for each in found)
    return [each.kind for each in found]


async def test_workloads_are_watched_in_the_newest_version_that_is_served() -> None:
    store = Store()
    store.documents[NEWEST.root] = store.documents[OLDER.root] = SERVED

    assert await watched(store) == [NEWEST]


async def test_an_older_kueue_is_watched_too() -> None:
    store = Store()
    store.documents[OLDER.root] = SERVED

    assert await watched(store) == [OLDER]


async def test_nothing_is_watched_where_kueue_is_not_or_may_not_be_read() -> None:
    store = Store()
    assert await watched(store) == []

    store.documents[NEWEST.root] = {"resources": [{"name": "cohorts"}]}
    assert await watched(store) == []

    store.documents[NEWEST.root] = SERVED
    assert await watched(store, enabled=False) == []


def test_the_sweeper_finds_and_forgets_them() -> None:
    cache = caches.Cache()
    incoming = intake.Intake(cache=cache, wake=lambda key, priority: None, clock=lambda: 0.0)
    members = membership.Membership(cache, incoming)

    members.restore(NEWEST, builders.queue().build())
    (uid,) = members.members(NEWEST)
    members.evict(NEWEST, uid)

    assert members.members(NEWEST) == {}
