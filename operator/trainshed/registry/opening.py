"""A builder of settings: with connections, logins and the training library of their files."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import random
from collections.abc import AsyncIterator, Callable

import httpx

from trainshed.builds import sources
from trainshed.registry import (
    authentication,
    builder,
    credentials,
    errors,
    packing,
    renewed,
    retries,
    targets,
)
from trainshed.registry import transport as transports


@contextlib.asynccontextmanager
async def open_builder(
    *,
    target: targets.Target,
    ca_file: str,
    credentials_file: str,
    library: pathlib.Path,
    clock: Callable[[], float],
    limit: int = sources.MAX_BYTES,
    whose: authentication.Whose = authentication.OPERATOR,
    issue: authentication.Issue | None = None,
    lender: authentication.Lender | None = None,
) -> AsyncIterator[builder.Builder]:
    """Yield a builder with connections of its own; raises ValueError for unusable settings."""
    try:
        target.check()
    except errors.RegistryError as error:
        raise ValueError("registry.pull and registry.prefix make no image name") from error
    logins = renewed.File(credentials_file, credentials.load)
    transport = transports.Transport(ca_file)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        made = builder.Builder(
            http,
            target=target,
            logins=logins.value,
            library=packing.read_library(library),
            clock=clock,
            patience=retries.Retries(asyncio.sleep, random.random),
            limit=limit,
            whose=whose,
            issue=issue,
            lender=lender,
        )
        try:
            yield made
        finally:
            await made.close()
