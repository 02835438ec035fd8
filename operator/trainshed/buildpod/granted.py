"""What a build pod is given to be let in by: of the bundled registry, or of a cloud's account."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import random
import time
from collections.abc import AsyncIterator, Mapping

import httpx

from trainshed.builds import pods
from trainshed.registry import authentication, credentials, google, issuing


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


def lender(
    settings: Mapping[str, object],
) -> contextlib.AbstractAsyncContextManager[google.Lender | None]:
    """Yield what says who the pod's ServiceAccount is at Google's registries; None without it."""
    wanted = settings.get("google") is True
    return google.opened(wanted, push=str(settings.get("push", "")), clock=time.monotonic)


async def lent(settings: Mapping[str, object]) -> credentials.Login | None:
    """Return who we are at Google's registries now; None without it. Raises RegistryError."""
    async with lender(settings) as found:
        return await found.lend() if found is not None else None
