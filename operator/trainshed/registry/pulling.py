"""Reads artifacts: what a name means, and its blobs as files on a disk."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, BinaryIO

import httpx

from trainshed.registry import (
    authentication,
    credentials,
    errors,
    hosts,
    references,
    retries,
    targets,
)
from trainshed.registry import client as clients
from trainshed.registry import transport as transports

Choose = Callable[[Mapping[str, Any]], str]
"""Returns the digest of the manifest that is meant, out of an index."""


@contextlib.asynccontextmanager
async def open_client(
    host: str,
    *,
    target: targets.Target,
    ca_file: str,
    logins: Mapping[str, credentials.Login],
    whose: authentication.Whose,
    issue: authentication.Issue | None = None,
    lender: authentication.Lender | None = None,
) -> AsyncIterator[clients.Client]:
    """Yield a client of one registry; raises NotAllowed for one that may not be called.

    `issue` gives tokens where it is the one that images go to; `lender` says who we are at
    Google's.
    """
    url = target.url(host)
    transport = transports.Transport(ca_file)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
        known = hosts.Hosts(
            http,
            target=target,
            logins=lambda: logins,
            patience=retries.Retries(asyncio.sleep, random.random),
            whose=whose,
            issue=issue,
            lender=lender,
        )
        yield known.client(url)


async def manifest(
    client: clients.Client,
    reference: references.Reference,
    *,
    choose: Choose,
) -> tuple[str, Mapping[str, Any]]:
    """Return what a name means: its digest, and its manifest, by `choose` out of an index.

    A tag is asked for once: whatever it means later, the digest is what is read. Raises NotFound.
    """
    repository, digest = reference.repository, reference.digest
    if digest:
        found = await client.manifest(repository, digest)
    else:
        digest, found = await client.named_manifest(repository, reference.tag)
    if "manifests" not in found:
        return digest, found
    return digest, await client.manifest(repository, choose(found))


async def download(
    client: clients.Client, repository: str, digest: str, file: BinaryIO, *, size: int
) -> None:
    """Write a blob into a file, from its start; raises Rejected where it is another one."""

    async def attempt() -> None:
        file.seek(0)
        file.truncate()
        hashed, got = hashlib.sha256(), 0
        stream = client.stream_blob(repository, digest)
        async with contextlib.aclosing(stream) as pieces:
            async for piece in pieces:
                got += len(piece)
                if got > size:
                    break
                hashed.update(piece)
                file.write(piece)
        if f"sha256:{hashed.hexdigest()}" != digest or got != size:
            raise errors.Rejected(f"its registry gives other bytes than those of {digest}")

    await client.patiently(attempt)
    file.seek(0)
