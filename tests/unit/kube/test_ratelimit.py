import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from trainshed.kube.ratelimit import Lane, Limiter, Limits

pytestmark = pytest.mark.looptime


def limits(per_second: float = 10.0, burst: int = 5, in_flight: int = 32) -> Limits:
    return Limits(
        per_second=per_second,
        burst=burst,
        events_per_second=1.0,
        events_burst=2,
        classes_per_second=1.0,
        classes_burst=2,
        in_flight={
            Lane.CREATE: in_flight,
            Lane.STATUS: in_flight,
            Lane.EVENT: 1,
            Lane.CLASS: 1,
        },
    )


def now() -> float:
    return asyncio.get_running_loop().time()


def writer(
    limiter: Limiter, order: list[str], seconds: float = 0.0
) -> Callable[[str, Lane], Coroutine[Any, Any, None]]:
    async def write(name: str, lane: Lane) -> None:
        async with limiter.slot(lane):
            order.append(name)
            await asyncio.sleep(seconds)

    return write


async def test_a_burst_goes_through_at_once() -> None:
    limiter = Limiter(limits(burst=5))
    for _ in range(5):
        async with limiter.slot(Lane.CREATE):
            pass
    assert now() == 0.0


async def test_after_the_burst_writes_go_at_the_rate() -> None:
    limiter = Limiter(limits(per_second=10, burst=5))
    for _ in range(25):
        async with limiter.slot(Lane.CREATE):
            pass
    assert now() == pytest.approx(2.0, abs=0.05)


async def test_a_creation_never_waits_behind_status_writes() -> None:
    limiter, order = Limiter(limits(burst=1)), list[str]()
    write = writer(limiter, order)
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(write(f"status-{number}", Lane.STATUS))
        await asyncio.sleep(0)
        for number in range(3):
            group.create_task(write(f"create-{number}", Lane.CREATE))
    assert order == [
        "status-0",
        *(f"create-{number}" for number in range(3)),
        *(f"status-{number}" for number in range(1, 4)),
    ]


async def test_a_free_slot_goes_to_a_creation_first() -> None:
    limiter, order = Limiter(limits(burst=100, in_flight=1)), list[str]()
    write = writer(limiter, order, seconds=1.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(write("status-0", Lane.STATUS))
        await asyncio.sleep(0)
        group.create_task(write("status-1", Lane.STATUS))
        group.create_task(write("create", Lane.CREATE))
    assert order == ["status-0", "create", "status-1"]


async def test_status_writes_leave_slots_free_for_creations() -> None:
    in_flight = {Lane.CREATE: 2, Lane.STATUS: 1, Lane.EVENT: 1}
    limiter = Limiter(Limits(in_flight=in_flight, in_flight_beside_creates=in_flight))
    await limiter.acquire(Lane.STATUS)
    waiting = asyncio.create_task(limiter.acquire(Lane.STATUS))
    await asyncio.sleep(0)
    await limiter.acquire(Lane.CREATE)
    assert not waiting.done()
    limiter.release(Lane.CREATE)
    await asyncio.sleep(0)
    assert not waiting.done()
    limiter.release(Lane.STATUS)
    await waiting


async def test_few_statuses_go_beside_creations_and_all_once_those_are_over() -> None:
    few = {Lane.STATUS: 1, Lane.EVENT: 1}
    limiter = Limiter(Limits(in_flight_beside_creates=few, calm_seconds=0.2))
    done: list[float] = []

    async def status() -> None:
        async with limiter.slot(Lane.STATUS):
            await asyncio.sleep(0.1)
        done.append(now())

    await limiter.acquire(Lane.CREATE)
    tasks = [asyncio.create_task(status()) for _ in range(12)]
    await asyncio.sleep(0.25)
    limiter.release(Lane.CREATE)
    await asyncio.gather(*tasks)

    # One at a time for 0.25 s and 0.2 s more, then all that were left together.
    assert [round(each, 2) for each in done] == [0.1, 0.2, 0.3, 0.4, 0.5, *[0.6] * 7]


@pytest.mark.parametrize("lane", [Lane.EVENT, Lane.CLASS])
async def test_events_and_classes_have_budgets_of_their_own(lane: Lane) -> None:
    limiter = Limiter(limits(burst=5))
    for _ in range(4):
        async with limiter.slot(lane):
            pass
    assert now() == pytest.approx(2.0, abs=0.05)
    async with limiter.slot(Lane.CREATE):
        pass
    assert now() == pytest.approx(2.0, abs=0.05)


async def test_a_pause_holds_back_every_lane() -> None:
    limiter = Limiter(limits())
    limiter.pause(7.0)
    async with limiter.slot(Lane.CREATE):
        pass
    assert now() == pytest.approx(7.0, abs=0.05)


async def test_a_cancelled_wait_keeps_no_token_and_no_slot() -> None:
    limiter, order = Limiter(limits(burst=1)), list[str]()
    write = writer(limiter, order)
    await write("first", Lane.CREATE)
    cancelled = asyncio.create_task(write("cancelled", Lane.CREATE))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    await write("second", Lane.CREATE)
    assert order == ["first", "second"]
    assert now() == pytest.approx(0.1, abs=0.01)


async def test_a_turn_cancelled_just_after_it_was_given_is_passed_on() -> None:
    limiter = Limiter(limits(burst=100, in_flight=1))
    await limiter.acquire(Lane.CREATE)
    cancelled = asyncio.create_task(limiter.acquire(Lane.CREATE))
    following = asyncio.create_task(limiter.acquire(Lane.CREATE))
    await asyncio.sleep(0)
    limiter.release(Lane.CREATE)
    cancelled.cancel()
    await asyncio.wait_for(following, 1.0)
