"""Who we are at one registry: basic authentication, or tokens of a service that it names.

No message, repr or log of this module holds a secret.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib import parse

import httpx

from trainshed.registry import credentials, errors, exchange, flights

_SCHEME = re.compile(r"(?:^|,)\s*(basic|bearer)(?=\s|,|$)", re.IGNORECASE)
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))')
_TOKEN = re.compile(r"[\x21-\x7e]+")
_KEPT = 512
CATALOG = "registry:catalog:*"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a call needs the right to do."""

    repository: str
    write: bool = False
    source: str = ""
    """Another repository of the host, to take blobs from."""
    remove: bool = False

    def names(self) -> list[str]:
        """Return the scopes as a token service calls them."""
        if not self.repository:
            return [CATALOG]
        actions = "pull,push" if self.write else "pull"
        if self.remove:
            actions = "delete,pull"
        found = [f"repository:{self.repository}:{actions}"]
        if self.source and self.source != self.repository:
            found.append(f"repository:{self.source}:pull")
        return found


Issue = Callable[[Sequence[str]], Awaitable[str]]
"""Gives a token for scopes, without asking who the registry names; raises RegistryError."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose credentials are used, for messages."""

    name: str
    advice: str
    """What to do where they are missing or refused."""
    account: str = "its account"
    """Who is to be given the rights that they lack."""


class Lender(Protocol):
    """Says who we are where no file does, for as long as it lasts."""

    account: str
    """Who that is, for messages."""

    async def lend(self) -> credentials.Login:
        """Return who we are now; raises RegistryError."""


OPERATOR = Whose("the operator", "set registry.credentials in the chart's values")


class Authority:
    """Holds what one host has been told, and has given, to know us by."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base: str,
        login: Callable[[], credentials.Login | None],
        realms: Collection[str],
        whose: Whose = OPERATOR,
        issue: Issue | None = None,
        lender: Lender | None = None,
    ) -> None:
        """`base`: the registry's URL. `realms`: who may issue tokens: `host`, `http://host`.

        `login` is asked at each use, so that a renewed one counts at once. `issue`: who gives
        tokens in place of the realm, where that is known by itself. `lender`: is asked, once the
        host has, where `login` gives nothing.
        """
        self._lender = lender
        self._lent: credentials.Login | None = None
        self._issue = issue
        self._http = http
        self._host = exchange.netloc(base)
        self._find_login = login
        self._whose = whose
        # The registry itself may, as safely as it is spoken to.
        own = self._host if base.startswith("https://") else f"http://{self._host}"
        self._realms = {*realms, own, self._host}
        self._basic = False
        # The one before too: an answer to what was sent with it may repeat it.
        self._logins: collections.deque[credentials.Login | None] = collections.deque(maxlen=2)
        self._tokens: dict[tuple[credentials.Login | None, Scope], str] = {}
        self._flights = flights.Flights()

    def headers(self, scope: Scope) -> dict[str, str]:
        """Return the headers that a call begins with: none until the host has asked."""
        login = self._login()
        if token := self._tokens.get((login, scope)):
            return {"Authorization": f"Bearer {token}"}
        if self._basic and login is not None and login.username:
            return {"Authorization": login.basic()}
        return {}

    def secrets(self) -> Iterator[str]:
        """Yield what must be in no message."""
        yield from self._tokens.values()
        for login in self._logins:
            if login is not None:
                yield from login.secrets()

    async def answer(self, challenges: httpx.Headers, scope: Scope) -> None:
        """Prepare the headers that a 401 asks for; raises RegistryError."""
        offered = _challenges(challenges.get("WWW-Authenticate", ""))
        login = await self._lent_or_own()
        if "bearer" in offered:
            fields, key = offered["bearer"], (login, scope)
            token = await self._flights.join(key, lambda: self._token(fields, scope, login))
            if len(self._tokens) >= _KEPT:
                self._tokens.clear()
            self._tokens[key] = token
        elif "basic" in offered and login is not None and login.username:
            self._basic = True
        else:
            raise self.unauthorized()

    @property
    def whose(self) -> Whose:
        """Return whose credentials are used now, for messages."""
        if self._lender is None or self._find_login() is not None:
            return self._whose
        account = self._lender.account
        return replace(self._whose, advice=f"give {account} a role there", account=account)

    def unauthorized(self) -> errors.Unauthorized:
        """Return the refusal of who we are, or of nobody."""
        if self._issue is not None:
            return errors.Unauthorized(
                f"registry {self._host} does not take the operator's tokens: see that its node's"
                " clock is right, and restart it if Secret trainshed-registry-tokens is new"
            )
        mine = f"refuses the credentials of {self.whose.name}"
        held = mine if self._login() else "wants credentials"
        return errors.Unauthorized(f"registry {self._host} {held}: {self.whose.advice}")

    def refusal(self, challenges: httpx.Headers, repository: str) -> errors.RegistryError:
        """Return what a 401 means after the registry's challenge has been answered."""
        offered = _challenges(challenges.get("WWW-Authenticate", ""))
        if offered.get("bearer", {}).get("error") != "insufficient_scope":
            return self.unauthorized()
        return errors.Forbidden(
            f"registry {self._host} gives {self.whose.name} no right to do this in {repository}:"
            f" give {self.whose.account} the right, if there is such a repository"
        )

    async def _lent_or_own(self) -> credentials.Login | None:
        if self._lender is not None and self._find_login() is None:
            self._lent = await self._lender.lend()
        return self._login()

    def _login(self) -> credentials.Login | None:
        login = self._find_login() or self._lent
        if not self._logins or self._logins[-1] != login:
            self._logins.append(login)
        return login

    async def _token(
        self, fields: dict[str, str], scope: Scope, login: credentials.Login | None
    ) -> str:
        if self._issue is not None:
            return await self._issue(scope.names())
        realm = fields.get("realm", "")
        host = exchange.netloc(realm)
        scheme = realm.partition(":")[0]
        entry = {"https": host, "http": f"http://{host}"}.get(scheme)
        if entry is None or entry not in self._realms:
            raise errors.NotAllowed(
                f"registry {self._host} sends us to {host[:100]!a} for a token: add it"
                " to registry.allowed, if it is trusted"
            )
        request = _request(realm, fields.get("service", ""), scope, login)
        answer = await exchange.send(self._http, request, host=self._host)
        if answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise self.unauthorized()
        if answer.status != httpx.codes.OK:
            raise exchange.refusal(answer, host=self._host, secrets=self.secrets())
        document = exchange.document(answer.body, host=self._host)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise errors.Rejected(f"the token service of registry {self._host} gave no token")
        return token


def _request(
    realm: str, service: str, scope: Scope, login: credentials.Login | None
) -> exchange.Request:
    """Return the request of a token."""
    if login is not None and login.identity_token:
        form = {
            "grant_type": "refresh_token",
            "client_id": "trainshed",
            "service": service,
            "scope": " ".join(scope.names()),
            "refresh_token": login.identity_token,
        }
        return exchange.Request("POST", realm, {}, form=form, follow=False)
    query = parse.urlencode({"service": service, "scope": scope.names()}, doseq=True)
    known = login is not None and login.username
    headers = {"Authorization": login.basic()} if login and known else {}
    separator = "&" if "?" in realm else "?"
    return exchange.Request("GET", f"{realm}{separator}{query}", headers, follow=False)


def _challenges(header: str) -> dict[str, dict[str, str]]:
    """Return the fields of each scheme that a WWW-Authenticate header offers."""
    found: dict[str, dict[str, str]] = {}
    starts = list(_SCHEME.finditer(header))
    ends = [*(each.start() for each in starts[1:]), len(header)]
    for start, end in zip(starts, ends, strict=False):
        fields = _FIELD.findall(header[start.end() : end])
        found.setdefault(
            start[1].lower(), {name.lower(): quoted or bare for name, quoted, bare in fields}
        )
    return found
