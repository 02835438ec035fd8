"""One asyncio client of the API server: as fast as one can be, so that it is the floor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from trainshed.kube import login

CONNECTIONS = 32
Body = dict[str, Any]


class Client:
    """Posts and watches. `session` has at most 32 connections."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self.session = session
        self._server = server

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, kubeconfig: str) -> AsyncIterator[Client]:
        """Yield a client of a kubeconfig's context."""
        connection = await login.login(kubeconfig=kubeconfig)
        # One more for the watch.
        async with connection.session(connections=CONNECTIONS + 1) as session:
            yield cls(session, connection.server)

    async def patch(self, path: str, body: Body) -> None:
        """Merge into an object, as a strategic patch: entries of a list by their keys."""
        kind = {"Content-Type": "application/strategic-merge-patch+json"}
        await self.send("PATCH", path, body, headers=kind)

    async def send(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: dict[str, str] | None = None,
    ) -> Body:
        """Send a request and return the answer."""
        url = self._server + path
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            text = await answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
            found: Body = json.loads(text)
            return found

    async def post_all(self, path: str, bodies: list[Body]) -> dict[str, float]:
        """Create all, 32 at a time; return when each was sent, by its name."""
        gate = asyncio.Semaphore(CONNECTIONS)
        sent: dict[str, float] = {}

        async def post(body: Body) -> None:
            async with gate:
                sent[body["metadata"]["name"]] = time.monotonic()
                await self.send("POST", path, body)

        await asyncio.gather(*(post(each) for each in bodies))
        return sent

    @contextlib.asynccontextmanager
    async def watching(self, path: str, seen: Callable[[str, Body], None]) -> AsyncIterator[None]:
        """Call `seen` with the type and the object of every event while the context is open."""
        version = (await self.send("GET", f"{path}?limit=1"))["metadata"]["resourceVersion"]
        url = f"{self._server}{path}?watch=1&resourceVersion={version}"

        async def watch() -> None:
            timeout = aiohttp.ClientTimeout(total=None)
            async with self.session.get(url, timeout=timeout, read_bufsize=2**24) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    seen(event["type"], event["object"])

        task = asyncio.create_task(watch(), name="watch")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(
    ready: Callable[[], bool], *, what: str, seconds: float, changed: asyncio.Event
) -> None:
    """Return once something is so; `changed` is set whenever it may have become so."""
    try:
        async with asyncio.timeout(seconds):
            while not ready():
                changed.clear()
                await changed.wait()
    except TimeoutError:
        raise TimeoutError(f"waited {seconds:.0f} s for {what}") from None
