"""Accepts connections up to a limit and sheds the rest.

asyncio holds a quarter of a MiB for each TLS connection from its first packet on and offers no
limit of its own: any pod of the cluster could fill the operator's memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from aiohttp import web

from trainshed.progress import limits

BACKLOG = 1024
CLOSE_SECONDS = 2.0
ACCEPT_PAUSE_SECONDS = 0.5


class Listener:
    """One listening socket, whose connections are served by an aiohttp server."""

    def __init__(
        self,
        server: web.Server,
        *,
        context: ssl.SSLContext | None,
        listening: socket.socket,
        bounds: limits.Limits,
    ) -> None:
        """`listening`: bound, listening and non-blocking; closed by who opened it.

        `context`: None for connections without TLS.
        """
        self._server = server
        self._context = context
        self._listening = listening
        self._bounds = bounds
        self._handshakes: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Accept connections until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(self._listening)
                except OSError:
                    # No file descriptor left: existing connections must end first.
                    await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                    continue
                if (
                    len(self._handshakes) + len(self._server.connections)
                    >= self._bounds.connections
                ):
                    connection.close()
                    continue
                task = loop.create_task(self._connect(connection), name="progress-handshake")
                self._handshakes.add(task)
                task.add_done_callback(self._handshakes.discard)
        finally:
            for task in tuple(self._handshakes):
                task.cancel()

    async def _connect(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.connect_accepted_socket(
                self._server,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._bounds.handshake_seconds if self._context else None,
                ssl_shutdown_timeout=CLOSE_SECONDS if self._context else None,
            )
        except OSError:
            # A client that speaks no TLS, or went away: SSLError and TimeoutError are OSErrors.
            connection.close()


@contextlib.asynccontextmanager
async def listen(host: str, port: int) -> AsyncIterator[socket.socket]:
    """Open a listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    try:
        listening.setblocking(False)
        yield listening
    finally:
        listening.close()
