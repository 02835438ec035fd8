"""The statuses of classes: written when they change, all changes at once, and by nobody's hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests import places as bodies
from tests.unit.kube.store import Store
from trainshed import config
from trainshed.kube import errors, kinds
from trainshed.kube.kinds import Body, Kind
from trainshed.kube.ratelimit import Lane
from trainshed.runtime import classing
from trainshed.runtime import places as places_

pytestmark = pytest.mark.looptime

GPU = {"nvidia.com/gpu": 1}
PATCH = "patch acceleratorclasses"


class Bench:
    """Places, an API server, and the watch between the two."""

    def __init__(self) -> None:
        self.places, self.store = places_.Places(), Store()
        self.store.after = self._told

    def class_(self, body: Body) -> None:
        """Store a class, of which the watch tells."""
        self.places.class_(self.store.put(kinds.CLASSES, body), gone=False)

    def node(self, name: str, **how: Any) -> None:
        """Have the watch tell of a node."""
        self.places.node(bodies.node(name, GPU, **how), gone=False)

    def status(self, name: str = "l4") -> Body:
        """Return what is stored."""
        found: Body = self.store.objects[kinds.CLASSES, None, name].get("status", {})
        return found

    async def _told(self, verb: str, kind: Kind | None) -> None:
        for (each, _, _), body in tuple(self.store.objects.items()):
            if each == kind:
                self.places.class_(body, gone=False)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep statuses."""
        statuses = classing.Statuses(self.store, self.places, clock=lambda: 0.0)
        task = asyncio.create_task(statuses.keep())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_what_changes_within_a_pause_is_one_write() -> None:
    bench = Bench()
    bench.class_(bodies.gpu("l4"))
    async with bench.running():
        for number in range(100):
            bench.node(f"n-{number}")
        await asyncio.sleep(1.5)

        assert bench.status()["nodes"] == 100
        assert bench.store.requests == [PATCH]
        assert bench.store.lanes == [Lane.CLASS]


async def test_what_stays_as_it_is_costs_no_write() -> None:
    bench = Bench()
    bench.class_(bodies.gpu("l4"))
    bench.node("a")
    async with bench.running():
        await asyncio.sleep(1.5)
        bench.places.node(bodies.node("cpu-only"), gone=False)
        await asyncio.sleep(60)

    assert bench.store.requests == [PATCH]


async def test_a_successor_writes_nothing_that_is_stored_already() -> None:
    bench = Bench()
    bench.class_(bodies.gpu("l4"))
    bench.node("a")
    for _ in range(2):
        async with bench.running():
            await asyncio.sleep(1.5)

    assert bench.store.requests == [PATCH]


async def test_a_status_that_somebody_changed_is_mended() -> None:
    bench = Bench()
    bench.class_(bodies.gpu("l4"))
    bench.node("a")
    async with bench.running():
        await asyncio.sleep(1.5)
        bench.class_({**bodies.gpu("l4"), "status": {"nodes": 7}})
        await asyncio.sleep(1.5)

    assert bench.status()["nodes"] == 1


async def test_a_stored_status_that_can_not_be_read_is_replaced() -> None:
    bench = Bench()
    bench.class_({**bodies.gpu("l4"), "status": {"nodes": "many"}})
    async with bench.running():
        await asyncio.sleep(1.5)

    assert bench.status()["nodes"] == 0


async def test_a_class_that_is_gone_is_left() -> None:
    bench = Bench()
    bench.class_(bodies.gpu("l4"))
    bench.class_(bodies.gpu("t4"))
    bench.store.remove(kinds.CLASSES, name="l4")
    async with bench.running():
        await asyncio.sleep(1.5)

    assert bench.status("t4")["nodes"] == 0


async def test_a_write_that_fails_is_tried_again_and_holds_up_no_other() -> None:
    bench, refused = Bench(), 3

    async def refuse(verb: str, kind: Kind | None) -> None:
        nonlocal refused
        if refused:
            refused -= 1
            raise errors.Unavailable("down")

    bench.store.before = refuse
    bench.class_(bodies.gpu("l4"))
    bench.class_(bodies.gpu("t4"))
    async with bench.running():
        await asyncio.sleep(120)

    assert bench.status("l4")["nodes"] == bench.status("t4")["nodes"] == 0
    assert bench.store.requests.count(PATCH) == 5


async def test_nothing_is_told_before_all_is_known() -> None:
    bench, synced = Bench(), asyncio.Event()
    settings = config.AcceleratorClasses()
    running = classing.run(bench.store, bench.places, settings, synced=synced, clock=lambda: 0.0)
    task = asyncio.create_task(running)
    bench.class_(bodies.gpu("l4"))
    await asyncio.sleep(30)
    assert bench.store.requests == []
    synced.set()
    await asyncio.sleep(1.5)
    task.cancel()

    assert bench.store.requests == [PATCH]
