"""What the leader serves: the endpoint of trainers and builds, and the registry's token service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainshed import config
from trainshed.api import labels
from trainshed.granting import desk, plain
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds, stores
from trainshed.progress import builders, certificates, endpoint, keys, routing, server, tokens
from trainshed.runtime import bundled
from trainshed.runtime import cache as caches

log = logging.getLogger(__name__)

ROUTE_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """The parts of it that do not change while this process leads."""

    settings: config.Settings
    identity: config.Identity
    api: clients.Client
    """Passes no budget."""
    signer: certificates.KeyPair
    registry: bundled.Bundled | None

    @contextlib.asynccontextmanager
    async def serve(
        self,
        cache: caches.Cache,
        sink: endpoint.Sink,
        hear: builders.Hear,
        *,
        leading: Callable[[], bool],
        count: Callable[[str], None],
    ) -> AsyncIterator[None]:
        """Serve while the context is open, and lead both Services here first."""
        trust = keys.Keys(
            configuration=lambda: self._document("/.well-known/openid-configuration"),
            keys=lambda: self._document("/openid/v1/jwks"),
            clock=asyncio.get_running_loop().time,
        )
        seams = endpoint.Seams(
            verifier=tokens.Verifier(keys=trust, audience=labels.PROGRESS_AUDIENCE),
            pod=cache.speaker,
            sink=sink,
            leading=leading,
            count=count,
            clock=time.time,
        )
        granting = self.registry and self.registry.desk(trust, cache, leading)
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(
                server.serve(
                    seams,
                    authority=self.signer,
                    names=certificates.server_names(
                        self.settings.progress.service, self.identity.namespace
                    ),
                    port=self.settings.progress.port,
                    clock=time.time,
                    also=[
                        *builders.routes(self._builders(trust, cache, leading), hear),
                        *(desk.for_pods(granting) if granting else ()),
                    ],
                )
            )
            if granting:
                port = self.settings.registry.bundled.port
                await stack.enter_async_context(plain.serve(desk.for_nodes(granting), port=port))
            await self.route()
            yield

    def _builders(
        self, trust: keys.Keys, cache: caches.Cache, leading: Callable[[], bool]
    ) -> builders.Pods:
        verifier = tokens.Verifier(keys=trust, audience=labels.BUILDS_AUDIENCE)
        return builders.Pods(verifier=verifier, find=cache.builder, leading=leading)

    async def stay_routed(self) -> None:
        """Write the routes again where somebody has changed or deleted them, each 5 minutes."""
        while True:
            await asyncio.sleep(ROUTE_SECONDS)
            try:
                if await self.route():
                    log.warning("route_restored")
            except (errors.ApiError, routing.RoutingFailed) as error:
                log.warning("route_unchecked", extra={"error": str(error)})

    async def route(self) -> bool:
        """Have the Services lead here; return whether anything was written."""
        progress, registry = self.settings.progress, self.settings.registry.bundled
        written = await self._routed(progress.service, progress.port, routing.PORT_NAME)
        if self.registry is not None:
            written |= await self._routed(registry.service, registry.port, "http")
        return written

    async def _routed(self, service: str, port: int, port_name: str) -> bool:
        return await routing.ensure(
            stores.Store(self.api, kinds.ENDPOINT_SLICES, self.identity.namespace),
            namespace=self.identity.namespace,
            service=service,
            address=self.identity.address,
            port=port,
            port_name=port_name,
        )

    async def _document(self, path: str) -> Mapping[str, Any] | None:
        """Return a JSON document of the API server; None where it can't be had now."""
        try:
            found: Mapping[str, Any] = json.loads(await self.api.raw("GET", path))
        except (errors.ApiError, ValueError) as error:
            log.warning("token_keys_unreadable", extra={"path": path, "error": str(error)})
            return None
        return found
