"""Serves the token service to nodes without TLS, as the bundled registry itself is served.

An Ingress or Gateway before both gives them TLS. Bounded like the endpoint of the trainers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from trainshed.progress import limits, listener


@contextlib.asynccontextmanager
async def serve(
    routes: Sequence[web.RouteDef], *, port: int, host: str = "0.0.0.0"
) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port that is listened on."""
    bounds = limits.Limits(connections=256)
    app = web.Application()
    app.router.add_routes(routes)
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=bounds.request_seconds,
        lingering_time=bounds.linger_seconds,
        auto_decompress=False,
        max_headers=bounds.headers,
        shutdown_timeout=bounds.shutdown_seconds,
    )
    await runner.setup()
    assert runner.server is not None
    try:
        async with listener.listen(host, port) as listening:
            accepting = listener.Listener(
                runner.server, context=None, listening=listening, bounds=bounds
            )
            task = asyncio.create_task(accepting.run(), name="registry-tokens")
            try:
                yield int(listening.getsockname()[1])
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        await runner.cleanup()
