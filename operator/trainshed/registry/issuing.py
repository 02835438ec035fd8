"""A build pod's tokens for the bundled registry: its own token of the cluster, exchanged.

The token service is asked at the address that the operator gave, whatever a registry names.
"""

from __future__ import annotations

import pathlib
import ssl
from collections.abc import Callable, Sequence
from urllib import parse

import httpx

from trainshed.registry import errors, exchange, retries

ATTEMPTS = 8
LONGEST_WAIT = 30.0
"""Eight tries take about a minute: an operator that starts anew, or whose watch is behind, is
there again by then."""
_CLOCK = "see that the clocks of this node and of the API server agree"


class Exchanger:
    """Gives tokens of the registry for the token in a file, which the kubelet renews."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        url: str,
        service: str,
        token: Callable[[], str],
        sleep: retries.Sleep,
        random: retries.Random,
    ) -> None:
        """`url`: of the token service. `token` reads the pod's own; raises OSError."""
        self._http = http
        self._url = url
        self._service = service
        self._token = token
        self._patiently = retries.Retries(
            sleep, random, attempts=ATTEMPTS, longest_wait=LONGEST_WAIT
        ).run

    async def issue(self, scopes: Sequence[str]) -> str:
        """Return a token of the registry for scopes; raises RegistryError."""
        return await self._patiently(lambda: self._once(scopes))

    async def _once(self, scopes: Sequence[str]) -> str:
        host = exchange.netloc(self._url)
        query = parse.urlencode({"service": self._service, "scope": list(scopes)}, doseq=True)
        try:
            own = self._token().strip()
        except OSError as error:
            raise errors.Unauthorized(
                "the build pod has no token for the bundled registry: see that the cluster's"
                " admission leaves its volume registry-token as it is"
            ) from error
        headers = {"Authorization": f"Bearer {own}"}
        request = exchange.Request("GET", f"{self._url}?{query}", headers, follow=False)
        answer = await exchange.send(self._http, request, host=host)
        if answer.status == httpx.codes.UNAUTHORIZED:
            raise errors.Unauthorized(
                f"the operator's token service {host} does not take the build pod's token: {_CLOCK}"
            )
        if answer.status == httpx.codes.FORBIDDEN:
            raise errors.Forbidden(
                f"the operator's token service {host} knows this pod by another name: it gives"
                " tokens to the pods of its own builds alone"
            )
        if answer.status != httpx.codes.OK:
            raise exchange.refusal(answer, host=host, secrets=(own,))
        found = exchange.document(answer.body, host=host).get("token")
        if not isinstance(found, str) or not found.isascii() or not found.isprintable():
            raise errors.Rejected(f"the token service {host} gave no token: see the operator's log")
        return found


def trusting(authority: str) -> ssl.SSLContext:
    """Return what trusts one authority's PEM and no other."""
    return ssl.create_default_context(cadata=authority)


def reading(path: pathlib.Path) -> Callable[[], str]:
    """Return what reads a token, each time anew."""
    return lambda: path.read_text(encoding="ascii")
