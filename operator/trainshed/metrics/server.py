"""The plain HTTP server of the operator: /metrics, /healthz and /readyz."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import prometheus_client
from aiohttp import web
from prometheus_client import registry

from trainshed.metrics import exposition

PART_BYTES = 256 * 1024

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


class Page(Protocol):
    """A source of text in Prometheus' format."""

    async def render(self) -> Sequence[bytes]:
        """Return the page in parts."""


def application(
    *, own: registry.CollectorRegistry, jobs: Page, healthy: Check, ready: Check
) -> web.Application:
    """Return the application. `own`: the operator's own metrics; `jobs`: those of the jobs."""

    async def metrics(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": exposition.CONTENT_TYPE})
        parts = [prometheus_client.generate_latest(own), *await jobs.render()]
        # Who has gone meanwhile needs no answer, and the log no traceback.
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            for part in parts:
                for start in range(0, len(part), PART_BYTES):
                    await response.write(part[start : start + PART_BYTES])
            await response.write_eof()
        return response

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", _checked(healthy))
    app.router.add_get("/readyz", _checked(ready))
    return app


@contextlib.asynccontextmanager
async def serve(app: web.Application, *, port: int, host: str = "0.0.0.0") -> AsyncIterator[int]:
    """Serve while the context is open; yields the port that is listened on."""
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=75.0,
        shutdown_timeout=1.0,
        # Else a scraper that gives up each second would leave one more page in the making.
        handler_cancellation=True,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield site.port
    finally:
        await runner.cleanup()


def _checked(check: Check) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        wrong = check()
        return web.Response(text=wrong or "ok", status=200 if wrong is None else 503)

    return answer
