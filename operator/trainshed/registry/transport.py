"""Connections by TLS that trust the authorities of a file, as it is when they are made."""

from __future__ import annotations

import ssl

import httpx

from trainshed.registry import renewed

# How many builds run at once is the caller's to bound, and with them the connections: a bound
# here lets copies, which hold one each while they wait for another, wait for one another.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=32)
_KEPT = 2
"""Pools: one for new connections, and the one before it for what is still on its way."""


class Transport(httpx.AsyncBaseTransport):
    """Has a pool of connections for each state of the file: none outlives its authorities."""

    def __init__(self, ca_file: str) -> None:
        """`ca_file`: PEM, in addition to the system's; empty for none. Raises ValueError."""
        self._trust = renewed.File(ca_file, trusting)
        self._pools: list[tuple[ssl.SSLContext, httpx.AsyncHTTPTransport]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, on a connection of the newest pool."""
        trust = self._trust.value()
        if not self._pools or self._pools[-1][0] is not trust:
            pool = httpx.AsyncHTTPTransport(verify=trust, limits=_LIMITS, trust_env=False)
            self._pools.append((trust, pool))
        newest = self._pools[-1][1]
        while len(self._pools) > _KEPT:
            await self._pools.pop(0)[1].aclose()
        return await newest.handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        while self._pools:
            await self._pools.pop()[1].aclose()


def trusting(ca_file: str) -> ssl.SSLContext:
    """Return what trusts the system's authorities and a file's; raises ValueError."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"registry.ca: {ca_file} is no readable PEM file") from error
    return context
