"""The plain HTTP server of the operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import httpx
import prometheus_client
import pytest

from tests.unit.metrics import fleet, text
from trainshed.metrics import collectors, controller, names, server


@dataclass(slots=True)
class Rig:
    fleet: fleet.Fleet = field(default_factory=fleet.Fleet)
    ill: str | None = None
    unready: str | None = None
    port: int = 0

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    found, registry = Rig(), prometheus_client.CollectorRegistry()
    controller.Controller(registry, push_results=["accepted"])
    app = server.application(
        own=registry,
        jobs=collectors.JobCollector(found.fleet, retention=3600, clock=lambda: fleet.T0),
        healthy=lambda: found.ill,
        ready=lambda: found.unready,
    )
    async with server.serve(app, host="127.0.0.1", port=0) as port:
        found.port = port
        yield found


async def test_page_holds_the_operator_and_its_jobs(rig: Rig) -> None:
    rig.fleet.seen.update(fleet.many(3).seen)

    answer = await rig.get("/metrics")

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {name for name, _ in text.series(answer.text)}
    assert {each.name for each in names.JOB} - found == {"trainingjob_completed_timestamp_seconds"}
    assert "trainshed_leader" in found
    assert "process_resident_memory_bytes" in found


async def test_large_page_arrives_whole(rig: Rig) -> None:
    rig.fleet.seen.update(fleet.many(1500).seen)

    answer = await rig.get("/metrics")

    assert len(answer.content) > 3 * 2**20
    assert answer.text.count("trainingjob_info{") == 1500


async def test_health_and_readiness_say_what_is_wrong(rig: Rig) -> None:
    assert (await rig.get("/healthz")).status_code == 200
    assert (await rig.get("/readyz")).text == "ok"

    rig.ill, rig.unready = "the event loop stands still", "the first listing is not complete"

    assert (await rig.get("/healthz")).status_code == 503
    assert (await rig.get("/readyz")).text == "the first listing is not complete"


class Slow:
    """A page that takes until it is cancelled."""

    def __init__(self) -> None:
        self.begun, self.cancelled = asyncio.Event(), asyncio.Event()

    async def render(self) -> Sequence[bytes]:
        """Wait for ever."""
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        return ()


async def test_a_page_whose_scraper_gave_up_is_not_made_to_its_end() -> None:
    page, registry = Slow(), prometheus_client.CollectorRegistry()
    app = server.application(own=registry, jobs=page, healthy=lambda: None, ready=lambda: None)
    async with server.serve(app, host="127.0.0.1", port=0) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: operator\r\n\r\n")
        await asyncio.wait_for(page.begun.wait(), 5)
        writer.close()
        await writer.wait_closed()

        await asyncio.wait_for(page.cancelled.wait(), 5)
