"""Builds and what lets images go are never both at work in a namespace."""

from __future__ import annotations

import asyncio

from trainshed.runtime import turns


async def test_nothing_is_let_go_where_something_is_built() -> None:
    found = turns.Turns()
    async with found.building("team-a"):
        async with found.letting_go("team-a") as quiet:
            assert not quiet
        async with found.letting_go("team-b") as elsewhere:
            assert elsewhere
        assert not found.quiet()
    async with found.letting_go("team-a") as quiet:
        assert quiet
    assert found.quiet()


async def test_a_build_waits_for_what_is_being_let_go() -> None:
    found, began = turns.Turns(), asyncio.Event()

    async def build() -> None:
        async with found.building("team-a"):
            began.set()

    async with found.letting_go("team-a"):
        task = asyncio.create_task(build())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not began.is_set()
    await asyncio.wait_for(task, 5)
    assert began.is_set()


async def test_a_build_that_ends_badly_gives_its_turn_back() -> None:
    found = turns.Turns()
    try:
        async with found.building("team-a"):
            raise ValueError
    except ValueError:
        pass
    async with found.building("team-a"), found.building("team-a"):
        assert not found.quiet()
    assert found.quiet()
