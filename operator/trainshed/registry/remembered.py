"""What was learnt of bases a moment ago: what their tags mean, and what their manifests say."""

from __future__ import annotations

from collections.abc import Callable

from trainshed.builds import requests
from trainshed.registry import bases, flights, memo, references, retries
from trainshed.registry import client as clients

_ROOM = 32
"""So many bases are kept in memory: their manifest and config, not their layers."""


class Bases:
    """Asks a registry once for what many jobs want to know."""

    def __init__(self, clock: Callable[[], float], *, seconds: float, longest: float) -> None:
        """`seconds`: what is known is not asked for again; `longest`: a question may take."""
        self._longest = longest
        self._digests = memo.Memo[str, str](clock, seconds=seconds)
        self._contents = memo.Memo[tuple[str, ...], bases.Base](clock, seconds=seconds, room=_ROOM)
        self._flights = flights.Flights()

    async def digest(self, text: str, base: references.Reference, origin: clients.Client) -> str:
        """Return what a name means; raises BaseNotFound."""
        if base.digest:
            return base.digest
        known = self._digests.get(text)
        if known is not None:
            return known
        found = await self._flights.join(
            text, lambda: retries.in_time(lambda: bases.resolve(origin, base), self._longest)
        )
        self._digests.put(text, found)
        return found

    async def read(
        self, origin: clients.Client, reference: references.Reference, *, digest: str, platform: str
    ) -> bases.Base:
        """Return the base of a digest; raises BaseNotFound and BaseUnsupported."""
        key = (reference.host, reference.repository, digest, platform)
        base = self._contents.get(key)
        if base is None:
            base = await bases.read(origin, reference, digest=digest, platform=platform)
            self._contents.put(key, base)
        return base

    async def of(
        self, origin: clients.Client, reference: references.Reference, request: requests.Request
    ) -> list[bases.Base]:
        """Return the base of each platform of a request; raises as `read` does."""
        return [
            await self.read(origin, reference, digest=request.base_digest, platform=platform)
            for platform in request.platforms
        ]

    async def close(self) -> None:
        """End the questions that are open."""
        await self._flights.close()
