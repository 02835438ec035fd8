"""Background tasks that end before their context does."""

from __future__ import annotations

import asyncio

import pytest

from trainshed.runtime import tasks


async def breaks() -> None:
    """Fail at once."""
    raise KeyError("lost")


async def lasts() -> None:
    """Go on until cancelled."""
    await asyncio.Event().wait()


async def test_a_task_that_dies_stops_the_process_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = asyncio.Event()

    with pytest.raises(KeyError, match="lost"):
        async with tasks.owned("sweeper", breaks(), stop=stop):
            await asyncio.wait_for(stop.wait(), 5)

    assert [record.message for record in caplog.records] == ["task_died"]


async def test_a_task_ends_with_its_context() -> None:
    stop = asyncio.Event()

    async with tasks.owned("sweeper", lasts(), stop=stop):
        await asyncio.sleep(0)

    assert not stop.is_set()


async def test_an_error_of_the_body_is_not_hidden() -> None:
    async def body() -> None:
        stop = asyncio.Event()
        async with tasks.owned("sweeper", breaks(), stop=stop):
            await asyncio.wait_for(stop.wait(), 5)
            raise ValueError("body")

    with pytest.raises(ValueError, match="body"):
        await body()
