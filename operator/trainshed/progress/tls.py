"""The endpoint's TLS context and its certificate, renewed in memory while it serves."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import Callable, Sequence

from trainshed.progress import certificates

CHECK_SECONDS = 3600.0
RENEW_BEFORE = certificates.LEAF_DAYS * 86400 / 3


class Identity:
    """What the endpoint shows to its clients. New connections see a renewed certificate."""

    def __init__(
        self, authority: certificates.KeyPair, *, names: Sequence[str], clock: Callable[[], float]
    ) -> None:
        """`clock`: Unix time."""
        self._authority = authority
        self._names = tuple(names)
        self._clock = clock
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A client that comes every five seconds for one request doesn't resume sessions.
        self.context.num_tickets = 0
        self.expires = 0.0
        self.renew()

    def renew(self) -> None:
        """Put a new certificate in place."""
        leaf = certificates.issue(self._authority, names=self._names, now=self._clock())
        _load(self.context, leaf)
        self.expires = leaf.expires

    async def keep_fresh(self, *, check_seconds: float = CHECK_SECONDS) -> None:
        """Renew before expiry, for ever."""
        while True:
            await asyncio.sleep(check_seconds)
            if self.expires - self._clock() < RENEW_BEFORE:
                self.renew()


def _load(context: ssl.SSLContext, leaf: certificates.KeyPair) -> None:
    """Load a certificate and its key: the ssl module reads them from a file only."""
    if hasattr(os, "memfd_create"):
        # Memory alone, so that a read-only root file system is enough and no disk sees the key.
        with os.fdopen(os.memfd_create("trainshed-leaf"), "wb") as file:
            file.write(leaf.certificate + leaf.key)
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        return
    with tempfile.NamedTemporaryFile() as temporary:
        temporary.write(leaf.certificate + leaf.key)
        temporary.flush()
        context.load_cert_chain(temporary.name)
