"""Finds the API server and proves who we are: one Connection for our client and for kopf.

Owns the TLS context and the fresh token. The kubernetes package reads kubeconfigs, exec plugins
and the pod's service account; the HTTP session made from them is ours.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import hdrs
from kubernetes.aio import config
from kubernetes.aio.client import configuration

from trainshed.kube import errors

USER_AGENT = "trainshed"
TOKEN_CHECK_SECONDS = 60.0
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

Reload = Callable[[configuration.Configuration], Awaitable[None]]


class Credentials:
    """The Authorization header's value, read again each minute and after a 401."""

    def __init__(self, settings: configuration.Configuration, reload: Reload) -> None:
        self._settings = settings
        self._reload = reload
        self._checked = time.monotonic()
        self._lock = asyncio.Lock()

    async def header(self) -> str | None:
        """Return the header's value; None where a client certificate says who we are."""
        if time.monotonic() - self._checked > TOKEN_CHECK_SECONDS:
            await self.refresh()
        return await self._settings.get_api_key_with_prefix("BearerToken")

    async def refresh(self) -> None:
        """Read the token's file or run the exec plugin again."""
        seen = self._checked
        async with self._lock:
            if self._checked == seen:
                await self._reload(self._settings)
                self._checked = time.monotonic()


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the API server is and how to talk to it. Makes sessions; owns none."""

    server: str
    namespace: str
    """The namespace of the pod or of the kubeconfig's context."""
    tls: ssl.SSLContext | None = field(repr=False)
    credentials: Credentials | None = field(repr=False)
    proxy: str | None = None

    def session(
        self, *, connections: int = 0, also: Sequence[aiohttp.ClientMiddlewareType] = ()
    ) -> aiohttp.ClientSession:
        """Open a session that authorizes each request; at most `connections` where not 0.

        `also`: what requests go through first.
        """
        connector = aiohttp.TCPConnector(
            limit=connections, ssl=self.tls if self.tls is not None else True, keepalive_timeout=60
        )
        return aiohttp.ClientSession(
            connector=connector,
            # Only long lists would be compressed, and that costs the API server more than sending.
            headers={hdrs.USER_AGENT: USER_AGENT, hdrs.ACCEPT_ENCODING: "identity"},
            middlewares=(*also, *((self._authorize,) if self.credentials is not None else ())),
            proxy=self.proxy,
            read_bufsize=2**18,
        )

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        assert self.credentials is not None
        token = await self.credentials.header()
        if token is not None:
            request.headers[hdrs.AUTHORIZATION] = token
        response = await handler(request)
        if response.status != 401 or token is None:
            return response
        await self.credentials.refresh()
        fresh = await self.credentials.header()
        if fresh is None or fresh == token:
            return response
        response.release()
        request.headers[hdrs.AUTHORIZATION] = fresh
        return await handler(request)


async def login(*, kubeconfig: str | None = None, context: str | None = None) -> Connection:
    """Read a kubeconfig's context, or the pod's service account where no file is named.

    Raises `errors.Unauthorized` where the credentials can't be read.
    """
    settings = configuration.Configuration()
    try:
        reload, namespace = await _load(settings, kubeconfig=kubeconfig, context=context)
        return Connection(
            server=settings.host.rstrip("/"),
            namespace=namespace,
            tls=_tls(settings),
            credentials=Credentials(settings, reload) if settings.api_key else None,
            proxy=settings.proxy,
        )
    except (config.ConfigException, OSError, ValueError) as error:
        raise errors.Unauthorized(f"the Kubernetes credentials can't be read: {error}") from error


async def _load(
    settings: configuration.Configuration, *, kubeconfig: str | None, context: str | None
) -> tuple[Reload, str]:
    if kubeconfig is None:
        await _reload_in_cluster(settings)
        return _reload_in_cluster, _own_namespace()
    loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=kubeconfig,
        context=context,
        client_configuration=settings,
        persist_config=False,
    )
    if settings.tls_server_name:
        raise config.ConfigException("tls-server-name in a kubeconfig is not supported")
    return loader.load_and_set, _context_namespace(loader)


async def _reload_in_cluster(settings: configuration.Configuration) -> None:
    config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]


def _own_namespace() -> str:
    return NAMESPACE_FILE.read_text().strip()


def _context_namespace(loader: Any) -> str:
    return str(loader.current_context["context"].get("namespace") or "default")


def _tls(settings: configuration.Configuration) -> ssl.SSLContext | None:
    if not settings.host.startswith("https://"):
        return None
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert, cadata=settings.ca_cert_data)
    # Python 3.13 turned this on; the CAs of several distributions lack what it asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, keyfile=settings.key_file)
    if not settings.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
