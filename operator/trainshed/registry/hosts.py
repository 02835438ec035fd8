"""The clients of the registries that are called, one for each, by the logins of the settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from urllib import parse

import httpx

from trainshed.registry import (
    authentication,
    credentials,
    google,
    references,
    retries,
    targets,
    verifying,
)
from trainshed.registry import client as clients


class Hosts:
    """Clients by their URL, made when they are first asked for."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        target: targets.Target,
        logins: Callable[[], Mapping[str, credentials.Login]],
        patience: retries.Retries,
        whose: authentication.Whose = authentication.OPERATOR,
        issue: authentication.Issue | None = None,
        lender: authentication.Lender | None = None,
    ) -> None:
        """`logins` gives the logins by host as they are now.

        `issue` gives tokens for the registry that images go to, where it is the bundled one.
        `lender` says who we are at Google's registries, where `logins` don't.
        """
        self._lender = lender
        self._issue = issue
        self._http = http
        self._target = target
        self._logins = logins
        self._patience = patience
        self._whose = whose
        self._clients: dict[tuple[str, bool], clients.Client] = {}

    def own(self, *, doubting: bool = False) -> clients.Client:
        """Return the client of the registry that images go to."""
        return self.client(self._target.push.rstrip("/"), doubting=doubting)

    def client(self, url: str, *, doubting: bool = False) -> clients.Client:
        """Return the client of a URL; `doubting`: one that reads what it is told is there."""
        known = self._clients.get((url, doubting))
        if known is None:
            make = verifying.Client if doubting else clients.Client
            authority = self._authority(url)
            known = self._clients[url, doubting] = make(
                self._http, base=url, authority=authority, patience=self._patience
            )
        return known

    def _authority(self, url: str) -> authentication.Authority:
        lent = self._lender is not None and google.knows(url)
        return authentication.Authority(
            self._http,
            base=url,
            login=functools.partial(self._login, url),
            # Google's name no realm but themselves: nobody else is to see what is lent.
            realms=() if lent else self._target.others(),
            whose=self._whose,
            issue=self._issue if url == self._target.push.rstrip("/") else None,
            lender=self._lender if lent else None,
        )

    def _login(self, url: str) -> credentials.Login | None:
        logins = self._logins()
        login = logins.get(references.canonical(parse.urlsplit(url).netloc))
        if login is None and url == self._target.push.rstrip("/"):
            login = logins.get(references.canonical(self._target.pull))
        return login
