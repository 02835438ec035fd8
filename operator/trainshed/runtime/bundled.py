"""The operator's side of the bundled registry: its key, its tokens, and who gets which."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainshed import config
from trainshed.api import labels
from trainshed.granting import desk, logins, rights, signing
from trainshed.kube import client as clients
from trainshed.kube import kinds, preflight, secrets, stores
from trainshed.progress import authority, keys, tokens
from trainshed.registry import surroundings
from trainshed.runtime import cache as caches


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """The bundled registry as this process has it."""

    signer: signing.Signer
    keeper: logins.Keeper
    folder: str

    async def issue(self, scopes: Sequence[str]) -> str:
        """Return a token for this process: it may do what it asks itself for."""
        return self.signer.token(_access(scopes), subject="operator")

    def desk(
        self, trust: keys.Keys, cache: caches.Cache, leading: Callable[[], bool]
    ) -> desk.Seams:
        """Return what the token service is given."""
        return desk.Seams(
            signer=self.signer,
            verifier=tokens.Verifier(keys=trust, audience=labels.REGISTRY_AUDIENCE),
            builder=cache.builder,
            folder=self.folder,
            leading=leading,
        )


async def opened(
    settings: config.Settings,
    identity: config.Identity,
    *,
    free: clients.Client,
    budgeted: clients.Client,
) -> Bundled | None:
    """Return the bundled registry; None where another one is used. Raises AuthorityUnusable."""
    registry = settings.registry
    if not registry.bundled.enabled:
        return None
    pair = await authority.ensure(
        stores.Store(free, kinds.SECRETS, identity.namespace),
        name=registry.bundled.key_secret,
        namespace=identity.namespace,
        now=time.time(),
        common="trainshed registry tokens",
    )
    signer = signing.Signer(pair, clock=time.time)
    keeper = logins.Keeper(
        secrets.Secrets(budgeted),
        signer,
        host=registry.pull,
        own_namespace=identity.namespace,
        clock=time.monotonic,
    )
    folder = surroundings.target(registry).folder
    return Bundled(signer=signer, keeper=keeper, folder=folder)


def needed(settings: config.Settings, identity: config.Identity) -> list[preflight.Permission]:
    """Return the permissions that a bundled registry needs."""
    registry = settings.registry.bundled
    if not registry.enabled:
        return []
    return preflight.for_registry(
        own_namespace=identity.namespace,
        objects=(
            ("get update", kinds.SECRETS, registry.key_secret),
            ("patch", kinds.SECRETS, logins.ADMINISTRATOR),
            ("get update", kinds.ENDPOINT_SLICES, registry.service),
        ),
        namespaces=settings.namespaces,
    )


def _access(scopes: Sequence[str]) -> rights.Access:
    parts = (scope.split(":") for scope in scopes)
    return [{"type": kind, "name": name, "actions": did.split(",")} for kind, name, did in parts]
