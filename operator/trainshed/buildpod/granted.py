"""The right to push to the bundled registry, where the operator's settings have one."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import random
from collections.abc import AsyncIterator, Mapping

import httpx

from trainshed.builds import pods
from trainshed.registry import authentication, issuing


@contextlib.asynccontextmanager
async def issuer(settings: Mapping[str, object]) -> AsyncIterator[authentication.Issue | None]:
    """Yield what gives tokens of the registry; None where its credentials are the namespace's."""
    given = settings.get("tokens")
    if not isinstance(given, Mapping):
        yield None
        return
    trust = issuing.trusting(str(given["ca"]))
    async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
        exchanger = issuing.Exchanger(
            http,
            url=str(given["url"]),
            service=str(given["service"]),
            token=issuing.reading(pathlib.Path(pods.REGISTRY_TOKEN) / "token"),
            sleep=asyncio.sleep,
            random=random.random,
        )
        yield exchanger.issue
