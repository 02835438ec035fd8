"""One piece of work for all who ask at once; nothing is remembered of what has ended."""

import asyncio
import gc
from typing import Any

import pytest

from trainshed.registry import flights


class Work:
    """Work that ends when a test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.going = asyncio.Event()
        self.done = asyncio.Event()
        self.ended = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        self.going.set()
        try:
            await self.done.wait()
            if self.error is not None:
                raise self.error
            return self.begun
        finally:
            self.ended.set()


async def asked(group: flights.Flights, work: Work, number: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(group.join("key", work)) for _ in range(number)]
    await work.going.wait()
    return tasks


async def test_a_hundred_who_ask_at_once_get_one_result() -> None:
    group, work = flights.Flights(), Work()
    tasks = await asked(group, work, 100)

    work.done.set()

    assert await asyncio.gather(*tasks) == [1] * 100


async def test_who_asks_later_gets_a_new_one() -> None:
    group, work = flights.Flights(), Work()
    work.done.set()

    assert [await group.join("key", work), await group.join("key", work)] == [1, 2]


async def test_a_failure_reaches_all_who_ask_and_is_not_remembered() -> None:
    group, work = flights.Flights(), Work()
    tasks = await asked(group, work, 5)
    work.error = ValueError("down")
    work.done.set()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in results] == ["down"] * 5

    work.error = None
    assert await group.join("key", work) == 2


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    group, work = flights.Flights(), Work()
    first, second = await asked(group, work, 2)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.done.set()

    assert await second == 1


async def test_a_failure_that_nobody_waits_for_is_no_complaint() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, each: complaints.append(each))
    group, work = flights.Flights(), Work()
    (only,) = await asked(group, work, 1)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)

    work.error = ValueError("down")
    work.done.set()
    await work.ended.wait()
    await asyncio.sleep(0)
    del only
    gc.collect()
    await asyncio.sleep(0)

    assert complaints == []


async def test_closing_ends_what_is_going_on() -> None:
    group, work = flights.Flights(), Work()
    (only,) = await asked(group, work, 1)

    await group.close()

    assert work.ended.is_set()
    with pytest.raises(asyncio.CancelledError):
        await only
