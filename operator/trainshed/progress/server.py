"""Runs the endpoint: TLS, its renewal, the bounded listener and the application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from aiohttp import web

from trainshed.progress import certificates, endpoint, listener, tls


@contextlib.asynccontextmanager
async def serve(
    seams: endpoint.Seams,
    *,
    authority: certificates.KeyPair,
    names: Sequence[str],
    port: int,
    host: str = "0.0.0.0",
    clock: Callable[[], float],
    also: Sequence[web.RouteDef] = (),
) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port that is listened on.

    `also`: what else is served there, since it wants the same certificate and the same leader.
    """
    identity = tls.Identity(authority, names=names, clock=clock)
    app = endpoint.application(seams)
    app.router.add_routes(also)
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=seams.limits.request_seconds,
        lingering_time=seams.limits.linger_seconds,
        auto_decompress=False,
        max_headers=seams.limits.headers,
        shutdown_timeout=seams.limits.shutdown_seconds,
    )
    await runner.setup()
    assert runner.server is not None
    try:
        async with listener.listen(host, port) as listening, asyncio.TaskGroup() as tasks:
            accepting = listener.Listener(
                runner.server, context=identity.context, listening=listening, bounds=seams.limits
            )
            owned = (
                tasks.create_task(accepting.run(), name="progress-listener"),
                tasks.create_task(identity.keep_fresh(), name="progress-renewal"),
            )
            try:
                yield int(listening.getsockname()[1])
            finally:
                for task in owned:
                    task.cancel()
    finally:
        await runner.cleanup()
