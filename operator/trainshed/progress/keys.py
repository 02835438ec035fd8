"""The cluster's public keys for tokens, and who issues them.

An unknown key id may be a new key or an attack: it causes a fetch, but at most one in
REFETCH_SECONDS, whatever arrives. Keys that the cluster no longer publishes go within
MAX_AGE_SECONDS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

ALGORITHMS = ("RS256", "ES256")
REFETCH_SECONDS = 30.0
MAX_AGE_SECONDS = 3600.0
FETCH_SECONDS = 10.0

Fetch = Callable[[], Awaitable[Mapping[str, Any] | None]]
"""Reads a JSON document of the API server; None when it can't be had now."""


class KeysUnavailable(Exception):
    """No key was ever fetched, so no token can be judged."""


@dataclass(frozen=True, slots=True)
class _Trust:
    issuer: str
    keys: Mapping[str, jwt.PyJWK] = field(default_factory=dict)


class Keys:
    """Finds keys by their id."""

    def __init__(
        self,
        *,
        configuration: Fetch,
        keys: Fetch,
        clock: Callable[[], float],
        fetch_seconds: float = FETCH_SECONDS,
    ) -> None:
        """Fetches of /.well-known/openid-configuration and /openid/v1/jwks; a monotonic clock."""
        self._fetch_configuration = configuration
        self._fetch_keys = keys
        self._clock = clock
        self._fetch_seconds = fetch_seconds
        self._trust: _Trust | None = None
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> tuple[str, jwt.PyJWK] | None:
        """Return the issuer and the key of this id; None for none. Raises KeysUnavailable."""
        if not self._known(kid):
            async with self._lock:
                if not self._known(kid) and self._clock() - self._tried >= REFETCH_SECONDS:
                    await self._refresh()
        if self._trust is None:
            raise KeysUnavailable
        key = self._trust.keys.get(kid)
        return None if key is None else (self._trust.issuer, key)

    def _known(self, kid: str) -> bool:
        fresh = self._clock() - self._fetched < MAX_AGE_SECONDS
        return fresh and self._trust is not None and kid in self._trust.keys

    async def _refresh(self) -> None:
        self._tried = self._clock()
        try:
            async with asyncio.timeout(self._fetch_seconds):
                configuration = await self._fetch_configuration()
                published = await self._fetch_keys()
        except TimeoutError:
            return
        issuer = (configuration or {}).get("issuer")
        found = _usable(published or {})
        if isinstance(issuer, str) and found:
            self._trust = _Trust(issuer=issuer, keys=found)
            self._fetched = self._clock()


def _usable(published: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    found: dict[str, jwt.PyJWK] = {}
    for each in published.get("keys") or ():
        try:
            key = jwt.PyJWK.from_dict(each)
        except jwt.PyJWTError:
            continue  # A kind of key that we would not accept a token by.
        if key.algorithm_name in ALGORITHMS and isinstance(key.key_id, str):
            found[key.key_id] = key
    return found
