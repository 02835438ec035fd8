"""One leads, and it stops before another may begin."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.kube.store import Store
from tests.unit.runtime.electors import elector, stopped
from trainshed.kube import errors, kinds
from trainshed.kube.kinds import Body, Kind
from trainshed.runtime import leader

pytestmark = pytest.mark.looptime

PLACE = (kinds.LEASES, "trainshed-system", "trainshed-operator")


def now() -> float:
    return asyncio.get_running_loop().time()


def lease(store: Store) -> Body:
    spec: Body = store.objects[PLACE]["spec"]
    return spec


async def down(verb: str, kind: Kind | None) -> None:
    raise errors.Unavailable("down")


async def hang(verb: str, kind: Kind | None) -> None:
    await asyncio.sleep(3600)


async def nothing(verb: str, kind: Kind | None) -> None:
    """Let requests through."""


async def test_the_first_candidate_leads_at_once() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    assert first.is_leader()
    assert now() == 0.0
    assert (lease(store)["holderIdentity"], lease(store)["leaseDurationSeconds"]) == ("a", 15)


async def test_renewing_is_one_write_and_no_read() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    store.requests.clear()
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(21)
    assert store.requests == ["replace leases"] * 10
    assert first.is_leader()
    await stopped(keeping)


async def test_a_follower_waits_while_the_leader_renews() -> None:
    store = Store()
    first, second = elector(store, "a"), elector(store, "b")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire(), 300)
    assert first.is_leader()
    assert not second.is_leader()
    await stopped(keeping)


async def test_a_follower_takes_over_after_a_crash() -> None:
    store = Store()
    first, second = elector(store, "a"), elector(store, "b")
    await first.acquire()
    await second.acquire()
    assert 15.0 < now() < 20.0
    assert not first.is_leader()
    assert (lease(store)["holderIdentity"], lease(store)["leaseTransitions"]) == ("b", 1)


async def test_wall_clocks_that_disagree_by_a_day_change_nothing() -> None:
    store = Store()
    first, second = elector(store, "a"), elector(store, "b", wall=1_790_086_400.0)
    await first.acquire()
    await second.acquire()
    assert 15.0 < now() < 20.0


async def test_a_released_lease_is_taken_at_once() -> None:
    store = Store()
    first, second = elector(store, "a"), elector(store, "b")
    await first.acquire()
    await first.release()
    assert not first.is_leader()
    await second.acquire()
    assert now() == 0.0
    assert lease(store)["leaseTransitions"] == 1


async def test_a_restarted_process_takes_its_own_lease_up_at_once() -> None:
    store = Store()
    await elector(store, "a").acquire()
    await elector(store, "a").acquire()
    assert now() == 0.0
    assert lease(store)["leaseTransitions"] == 0


@pytest.mark.parametrize(
    "outage",
    [pytest.param(down, id="requests are refused"), pytest.param(hang, id="requests hang")],
)
async def test_a_leader_without_an_api_server_stops_before_its_lease_ends(
    outage: Callable[[str, Kind | None], Awaitable[None]],
) -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    store.before = outage
    await first.keep()
    assert not first.is_leader()
    assert 10.0 <= now() <= 15.0


async def test_a_short_outage_costs_no_leadership() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(3)
    store.before = down
    await asyncio.sleep(5)
    store.before = nothing
    await asyncio.sleep(10)
    assert first.is_leader()
    await stopped(keeping)


async def test_an_edit_by_a_person_costs_no_leadership() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    store.put(kinds.LEASES, store.objects[PLACE])
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(15)
    assert first.is_leader()
    await stopped(keeping)


async def test_a_renewal_whose_answer_is_lost_costs_no_leadership() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    lost = itertools.count()

    async def lose_one(verb: str, kind: Kind | None) -> None:
        if next(lost) == 0:
            raise errors.Unavailable("the answer was lost")

    store.after = lose_one
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(30)
    assert first.is_leader()
    await stopped(keeping)


async def test_another_holder_ends_leadership_at_once() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()
    taken = store.objects[PLACE]
    store.put(kinds.LEASES, {**taken, "spec": {**taken["spec"], "holderIdentity": "b"}})
    await first.keep()
    assert now() < 3.0
    assert not first.is_leader()


async def test_a_lease_lost_before_its_release_is_left_alone() -> None:
    store = Store()
    first, second = elector(store, "a"), elector(store, "b")
    await first.acquire()
    await second.acquire()
    await first.release()
    assert lease(store)["holderIdentity"] == "b"


async def test_a_release_during_a_renewal_still_gives_the_lease_back() -> None:
    store = Store()
    first = elector(store, "a")
    await first.acquire()

    async def slow_answer(verb: str, kind: Kind | None) -> None:
        await asyncio.sleep(1)

    store.after = slow_answer
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(2.5)
    await stopped(keeping)
    store.after = nothing
    await first.release()
    assert lease(store)["holderIdentity"] == ""


async def test_a_deleted_lease_is_not_taken_from_a_living_leader() -> None:
    store = Store()
    first, second = elector(store, "a"), elector(store, "b")
    await first.acquire()
    acquiring = asyncio.create_task(second.acquire())
    await asyncio.sleep(3)
    del store.objects[PLACE]
    await asyncio.sleep(6)
    assert not second.is_leader()
    await acquiring
    assert not first.is_leader()


@pytest.mark.parametrize(
    ("lease_seconds", "renew", "retry"), [(10, 10, 2), (15, 2, 2), (15, 10, 0)]
)
async def test_timings_that_let_two_leaders_meet_are_refused(
    lease_seconds: float, renew: float, retry: float
) -> None:
    with pytest.raises(ValueError, match="leaseSeconds > renewSeconds > retrySeconds"):
        leader.Timing(lease=lease_seconds, renew=renew, retry=retry)
