"""Secrets by which the kubelet pulls from the bundled registry, one in each namespace of jobs.

They are written and never read: the operator has no right to read Secrets there. A password runs
out in months, and is written anew long before.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from trainshed.api import labels
from trainshed.granting import rights, signing
from trainshed.registry import flights

log = logging.getLogger(__name__)
RENEW_SECONDS = 43200.0
LOOK_SECONDS = 600.0
"""So often it is looked which are due, and so often at most a node's doubt is believed."""
ADMINISTRATOR = "trainshed-registry-admin"
"""The Secret of the operator's own namespace by which a person pushes bases."""


class Secrets(Protocol):
    """Writes Secrets without a look at them."""

    async def put(self, body: dict[str, Any]) -> None:
        """Create a Secret, or give one that is there this data."""


def render(
    account: rights.Account, *, host: str, password: str, namespace: str, name: str
) -> dict[str, Any]:
    """Return the Secret of an account. `host`: the registry as nodes name it."""
    username = account.namespace or str(account.role)
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    login = {"username": username, "password": password, "auth": encoded}
    document = json.dumps({"auths": {host: login}}, separators=(",", ":"))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {labels.APP_NAME: labels.MANAGER, labels.APP_COMPONENT: "registry"},
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(document.encode()).decode("ascii")},
    }


class Keeper:
    """Keeps the Secrets: of a namespace from before its first pod, and anew twice a day."""

    def __init__(
        self,
        secrets: Secrets,
        signer: signing.Signer,
        *,
        host: str,
        own_namespace: str,
        clock: Callable[[], float],
    ) -> None:
        """`host`: the registry as nodes name it. `clock`: monotonic seconds."""
        self._secrets = secrets
        self._signer = signer
        self._host = host
        self._own = own_namespace
        self._clock = clock
        self._written: dict[tuple[str, str], float] = {}
        self._doubted = asyncio.Event()
        self._flights = flights.Flights()

    async def ensure(self, namespace: str) -> None:
        """See that a namespace can pull; raises what the API server refuses by."""
        account = rights.Account(rights.Role.PULLER, namespace)
        await self._put(account, namespace, labels.PULL_SECRET)

    def forget(self, namespace: str) -> None:
        """Take a namespace's Secret for gone: it has no job any more, and may be deleted."""
        self._written.pop((namespace, labels.PULL_SECRET), None)

    def doubt(self, namespace: str) -> None:
        """Have a Secret written anew by which a node may not pull: somebody may have deleted it.

        An image of elsewhere is refused in the same words: one that was just written is believed.
        """
        written = self._written.get((namespace, labels.PULL_SECRET))
        if written is not None and self._clock() - written >= LOOK_SECONDS:
            self.forget(namespace)
            self._doubted.set()

    async def run(self, namespaces: Callable[[], Iterable[str]]) -> None:
        """Keep them of the namespaces that have jobs, and the administrator's, for ever."""
        while True:
            self._doubted.clear()
            for namespace in sorted(set(namespaces())):
                await self._kept(namespace, self.ensure(namespace))
            account = rights.Account(rights.Role.ADMINISTRATOR)
            await self._kept(self._own, self._put(account, self._own, ADMINISTRATOR))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._doubted.wait()

    async def _kept(self, namespace: str, writing: Any) -> None:
        try:
            await writing
        except Exception as error:
            # One namespace's quota, or one that is just going, is no other's affair.
            log.warning(
                "registry_secret_unwritten", extra={"namespace": namespace, "error": str(error)}
            )

    async def _put(self, account: rights.Account, namespace: str, name: str) -> None:
        key = (namespace, name)
        written = self._written.get(key)
        if written is not None and self._clock() - written < RENEW_SECONDS:
            return
        await self._flights.join(key, lambda: self._write(account, namespace, name))

    async def _write(self, account: rights.Account, namespace: str, name: str) -> None:
        password = self._signer.password(account)
        body = render(account, host=self._host, password=password, namespace=namespace, name=name)
        await self._secrets.put(body)
        self._written[namespace, name] = self._clock()
