"""A client that believes in no blob that it has not read to its end."""

from __future__ import annotations

import hashlib

from trainshed.registry import client as clients
from trainshed.registry import errors, exchange


class Client(clients.Client):
    """Calls one host that has lost something: what it says is there is read, byte for byte."""

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether a blob's bytes are there, all of them, and are what their name says."""

        async def look() -> bool:
            total = hashlib.sha256()
            try:
                async for piece in self.stream_blob(repository, digest):
                    total.update(piece)
            except errors.NotFound:
                return False
            except errors.Unavailable as error:
                if error.slow or error.retry_after is not None:
                    raise
                # As of one byte: an answer that breaks off is that of a blob that is gone.
                return False
            return f"sha256:{total.hexdigest()}" == digest

        return await self.patiently(look)

    async def upload(
        self,
        repository: str,
        digest: str,
        data: exchange.Content,
        *,
        size: int,
        location: str | None = None,
    ) -> None:
        """Upload a blob, and read it back; raises Rejected where the registry keeps another."""
        await super().upload(repository, digest, data, size=size, location=location)
        if not await self.has_blob(repository, digest):
            raise errors.Rejected(
                f"registry {self._host} keeps other bytes under {digest} and takes no new ones:"
                " have that blob removed from its storage"
            )
