"""Who we are at Google's Artifact Registry: a token of the metadata server, for a while.

It goes to registries that are Google's by their names and to no other, and is in no message, repr
or log. Which account it is of, GKE decides by the pod's ServiceAccount.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib import parse

import httpx

from trainshed.registry import credentials, errors, exchange, flights, retries

# docs.cloud.google.com/kubernetes-engine/docs/concepts/workload-identity tells the address, that
# a new pod is answered after some seconds, and when a token is to be asked for anew;
# docs.cloud.google.com/artifact-registry/docs/docker/authentication the user's name.
HOST = "169.254.169.254"
"""Its address: its name would be looked for below the cluster's own domain first."""
URL = f"http://{HOST}/computeMetadata/v1/instance/service-accounts/default/token"
USER = "oauth2accesstoken"
ACCOUNT = "the Google identity of the pod's ServiceAccount"
RENEW_SECONDS = 225.0
"""A token that ends sooner is asked for anew."""
QUIET_SECONDS = 10.0
"""No sooner is asked again, whatever came of it, unless a token has ended."""
LEAST_SECONDS = 1.0
"""A token that ends sooner is none: each call would ask for another."""
ATTEMPTS = 6
"""Of one asking: they wait for 12 seconds and more in all."""
_NAMES = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev|(?:(?:us|eu|asia)\.)?gcr\.io")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_MOST_BYTES = 1 << 16
_SEEN = "see docs/how-to/gke.md"


def knows(url: str) -> bool:
    """Return whether a registry is Google's, by its URL: by TLS, and at the port of all others."""
    parts = parse.urlsplit(url)
    return parts.scheme == "https" and _NAMES.fullmatch(parts.netloc) is not None


@dataclass(frozen=True, slots=True)
class _Held:
    login: credentials.Login
    ends: float


class Lender:
    """Lends our name at Google's registries, as long as its token lasts."""

    account = ACCOUNT

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        clock: Callable[[], float],
        patience: retries.Retries,
    ) -> None:
        """`clock`: monotonic seconds."""
        self._http = http
        self._clock = clock
        self._patiently = patience.run
        self._flights = flights.Flights()
        self._held: _Held | None = None
        self._refusal: errors.RegistryError | None = None
        self._next = float("-inf")

    async def lend(self) -> credentials.Login:
        """Return who we are now; raises MetadataServerUnavailable and MetadataServerRefused."""
        if self._lasts() <= RENEW_SECONDS and self._clock() >= self._next:
            await self._flights.join("token", self._renew)
        if self._refusal is not None and self._lasts() <= 0:
            raise type(self._refusal)(str(self._refusal))
        assert self._held is not None  # what was asked gave a token, or a reason for none
        return self._held.login

    async def close(self) -> None:
        """End what is going on."""
        await self._flights.close()

    def _lasts(self) -> float:
        return self._held.ends - self._clock() if self._held is not None else 0.0

    async def _renew(self) -> None:
        """Ask for a token; where there is none, the one before is used to its end."""
        try:
            self._held = await self._patiently(self._once)
            self._refusal = None
        except errors.MetadataServerRefused as error:
            self._refusal = error
        except errors.Unavailable as error:
            self._refusal = errors.MetadataServerUnavailable(
                f"Google's metadata server gives no token ({error}): it is tried again; see that"
                f" this is GKE with Workload Identity Federation, that network policies let pods"
                f" reach it, or set registry.credentials.google to false; {_SEEN}"
            )
        quiet = self._clock() + QUIET_SECONDS
        self._next = min(quiet, self._held.ends) if self._held and not self._refusal else quiet

    async def _once(self) -> _Held:
        began = self._clock()
        request = exchange.Request("GET", URL, {"Metadata-Flavor": "Google"}, follow=False)
        try:
            answer = await exchange.send(self._http, request, host=HOST)
        except errors.RegistryError as error:
            # Not as it is: a timeout is worth another try here, and no registry is meant.
            what = type(error.__cause__ or error).__name__
            raise errors.Unavailable(what) from error
        if answer.status == httpx.codes.OK:
            held = _read(answer.body, began)
            if held.ends - self._clock() < LEAST_SECONDS:
                raise errors.Unavailable("the token that it gives ends at once")
            return held
        busy = answer.status == httpx.codes.TOO_MANY_REQUESTS
        if busy or answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise errors.Unavailable(f"it answers {answer.status}")
        raise errors.MetadataServerRefused(
            f"Google's metadata server refuses a token: it answers {answer.status}; see that the"
            f" node pool has Workload Identity Federation, and what the pod's ServiceAccount is"
            f" bound to; {_SEEN}"
        )


def _read(body: bytes, began: float) -> _Held:
    """Return the token of an answer; raises Unavailable where it is none of Google's."""
    strange = errors.Unavailable("what answers there is not it")
    try:
        found = exchange.document(body, host=HOST, most=_MOST_BYTES)
    except errors.Rejected:
        raise strange from None
    token, seconds = found.get("access_token"), found.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise strange
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise strange
    return _Held(credentials.Login(USER, token), began + seconds)


@contextlib.asynccontextmanager
async def opened(
    wanted: bool, *, push: str, clock: Callable[[], float]
) -> AsyncIterator[Lender | None]:
    """Yield what lends, where it is wanted; raises ValueError for a registry of somebody else.

    `push`: the URL of the registry that images go to.
    """
    if not wanted:
        yield None
        return
    if not knows(push):
        raise ValueError(
            "registry.credentials.google needs registry.pull, and registry.push if it is set, to be"
            " Google's: https://LOCATION-docker.pkg.dev, or gcr.io"
        )
    patience = retries.Retries(asyncio.sleep, random.random, attempts=ATTEMPTS)
    async with httpx.AsyncClient(trust_env=False) as http:
        lender = Lender(http, clock=clock, patience=patience)
        try:
            yield lender
        finally:
            await lender.close()
