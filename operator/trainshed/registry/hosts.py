"""The registries that a builder calls: one client each, with the login that is known for it now."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from urllib import parse

import httpx

from trainshed.registry import client as clients
from trainshed.registry import credentials, references, retries, targets


class Hosts:
    """Clients by URL, made when they are first asked for."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        target: targets.Target,
        logins: Callable[[], Mapping[str, credentials.Login]],
        patience: retries.Retries,
    ) -> None:
        """`logins` gives the logins by host as they are now."""
        self._http = http
        self._target = target
        self._logins = logins
        self._patience = patience
        self._clients: dict[str, clients.Client] = {}

    def own(self) -> clients.Client:
        """Return the client of the registry that images go to."""
        return self.client(self._target.push.rstrip("/"))

    def client(self, url: str) -> clients.Client:
        """Return the client of a host by its URL."""
        client = self._clients.get(url)
        if client is None:
            client = self._clients[url] = clients.Client(
                self._http,
                base=url,
                login=functools.partial(self._login, url),
                realms=self._target.others(),
                patience=self._patience,
            )
        return client

    def _login(self, url: str) -> credentials.Login | None:
        logins = self._logins()
        login = logins.get(references.canonical(parse.urlsplit(url).netloc))
        if login is None and url == self._target.push.rstrip("/"):
            login = logins.get(references.canonical(self._target.pull))
        return login
