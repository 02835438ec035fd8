"""The operator's side of the bundled registry: its key, its tokens, and who gets which."""

from __future__ import annotations

import asyncio
import datetime
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed import config
from trainshed.api import labels
from trainshed.granting import desk, logins, rights, signing
from trainshed.kube import client as clients
from trainshed.kube import kinds, preflight, secrets, stores
from trainshed.progress import authority, builders, keys, tokens
from trainshed.registry import client as registry_clients
from trainshed.registry import surroundings, targets
from trainshed.runtime import cache as caches
from trainshed.runtime import collecting, turns

DEPLOYMENT = "trainshed-registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """The bundled registry as this process has it."""

    signer: signing.Signer
    keeper: logins.Keeper
    folder: str
    restart: Callable[[], Awaitable[None]]

    async def issue(self, scopes: Sequence[str]) -> str:
        """Return a token for this process: it may do what it asks itself for."""
        return self.signer.token(_access(scopes), subject="operator")

    def desk(
        self, trust: keys.Keys, cache: caches.Cache, leading: Callable[[], bool]
    ) -> desk.Seams:
        """Return what the token service is given."""
        return desk.Seams(
            signer=self.signer,
            pods=builders.Pods(
                verifier=tokens.Verifier(keys=trust, audience=labels.REGISTRY_AUDIENCE),
                find=cache.builder,
                leading=leading,
            ),
            folder=self.folder,
        )


def collector(
    found: Bundled,
    settings: config.Settings,
    *,
    client: registry_clients.Client,
    cache: caches.Cache,
    order: turns.Turns,
    count: Callable[[int], None],
) -> collecting.Collector | None:
    """Return what lets old images go; None where none are to go."""
    gc = settings.registry.bundled.gc
    if not gc.enabled:
        return None
    seams = collecting.Seams(
        client=client,
        cache=cache,
        turns=order,
        folder=found.folder,
        days=gc.older_than_days,
        served=frozenset(settings.namespaces),
        free=found.restart,
        clock=time.time,
        count=count,
    )
    return collecting.Collector(seams)


def watched(found: Bundled | None, cache: caches.Cache) -> Callable[[str], None]:
    """Have a namespace's Secret forgotten with its last job: the namespace may go as a whole.

    Return what is to be told of each namespace in which a node may not pull an image.
    """
    if found is None:
        return lambda namespace: None

    def gone(key: caches.Key) -> None:
        if all(each.key.namespace != key.namespace for each in cache.jobs()):
            found.keeper.forget(key.namespace)

    cache.on_forget(gone)
    return found.keeper.doubt


def tasks(
    found: Bundled | None,
    settings: config.Settings,
    *,
    client: registry_clients.Client,
    cache: caches.Cache,
    synced: asyncio.Event,
    order: turns.Turns,
    count: Callable[[int], None],
) -> dict[str, Coroutine[Any, Any, None]]:
    """Return what goes on as long as this process leads; nothing without a bundled registry."""
    if found is None:
        return {}

    async def keep(keeper: logins.Keeper) -> None:
        await synced.wait()
        await keeper.run(lambda: (each.key.namespace for each in cache.jobs()))

    async def collect(going: collecting.Collector) -> None:
        # Whoever does not know all jobs would take what they name for old.
        await synced.wait()
        await going.run()

    going = collector(found, settings, client=client, cache=cache, order=order, count=count)
    works: dict[str, Coroutine[Any, Any, None]] = {"registry-logins": keep(found.keeper)}
    return works if going is None else {**works, "registry-collection": collect(going)}


async def opened(
    settings: config.Settings,
    identity: config.Identity,
    *,
    free: clients.Client,
    budgeted: clients.Client,
) -> Bundled | None:
    """Return the bundled registry; None where another one is used.

    Raises AuthorityUnusable, and ValueError for settings that mean another one.
    """
    registry = settings.registry
    if not registry.bundled.enabled:
        return None
    if registry.google or targets.NAMESPACE in registry.prefix:
        raise ValueError(
            "registry.bundled goes neither with registry.credentials.google nor with"
            f" {targets.NAMESPACE} in registry.prefix: its own tokens tell namespaces apart"
        )
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
    return Bundled(
        signer=signer,
        keeper=keeper,
        folder=folder,
        restart=functools.partial(_restart, budgeted, identity.namespace),
    )


async def _restart(api: clients.Client, namespace: str) -> None:
    """Restart the registry, as `kubectl rollout restart` does."""
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    metadata = {"annotations": {"kubectl.kubernetes.io/restartedAt": moment}}
    patch = {"spec": {"template": {"metadata": metadata}}}
    await api.patch_merge(kinds.DEPLOYMENTS, patch, name=DEPLOYMENT, namespace=namespace)


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
            *((("patch", kinds.DEPLOYMENTS, DEPLOYMENT),) if registry.gc.enabled else ()),
        ),
        namespaces=settings.namespaces,
    )


def _access(scopes: Sequence[str]) -> rights.Access:
    parts = (scope.split(":") for scope in scopes)
    return [{"type": kind, "name": name, "actions": did.split(",")} for kind, name, did in parts]
