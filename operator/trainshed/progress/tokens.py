"""Verifies a pod's token offline: signature, audience, issuer, time and the pod that it is of."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import jwt
import pydantic

from trainshed.core import observed
from trainshed.progress import keys as keys_module
from trainshed.progress import refusals

LEEWAY_SECONDS = 10
MAX_CHARACTERS = 8192
REMEMBER_SECONDS = 300.0
REMEMBER_TOKENS = 8192
_REQUIRED = ("aud", "exp", "iat", "iss", "sub")


@dataclass(frozen=True, slots=True)
class Subject:
    """The pod that a token was issued to, by the API server's word."""

    namespace: str
    pod_name: str
    pod_uid: observed.Uid


class _Pod(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    name: str
    uid: str


class _Bound(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    namespace: str
    pod: _Pod


class Verifier:
    """Judges tokens by the cluster's keys.

    A pod sends one token for most of an hour: a good one is remembered, by its digest alone,
    for some minutes and never beyond its expiry.
    """

    def __init__(
        self, *, keys: keys_module.Keys, audience: str, clock: Callable[[], float] = time.time
    ) -> None:
        """`audience`: the one that a token must be for; `clock`: Unix time."""
        self._keys = keys
        self._audience = audience
        self._clock = clock
        self._good: OrderedDict[bytes, tuple[Subject, float]] = OrderedDict()

    async def verify(self, token: str) -> Subject:
        """Return whose token it is; raises Refused."""
        if len(token) > MAX_CHARACTERS or not token.isascii():
            raise _bad("the token is too long or no text")
        digest = hashlib.sha256(token.encode("ascii")).digest()
        known = self._good.get(digest)
        if known is not None and self._clock() < known[1]:
            return known[0]
        subject, expires = await self._judge(token)
        self._good[digest] = subject, min(expires, self._clock() + REMEMBER_SECONDS)
        if len(self._good) > REMEMBER_TOKENS:
            self._good.popitem(last=False)
        return subject

    async def _judge(self, token: str) -> tuple[Subject, float]:
        issuer, key = await self._key(token)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(keys_module.ALGORITHMS),
                audience=self._audience,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(_REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise _bad(f"the token is not valid: {type(error).__name__}") from error
        try:
            bound = _Bound.model_validate(claims.get("kubernetes.io"))
        except pydantic.ValidationError as error:
            raise _bad("the token is not bound to a pod: use a projected one") from error
        subject = Subject(bound.namespace, bound.pod.name, observed.Uid(bound.pod.uid))
        return subject, float(claims["exp"])

    async def _key(self, token: str) -> tuple[str, jwt.PyJWK]:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError as error:
            raise _bad("the token is no JSON web token") from error
        if not isinstance(kid, str):
            raise _bad("the token names no key")
        try:
            found = await self._keys.find(kid)
        except keys_module.KeysUnavailable as error:
            raise refusals.Refused(
                refusals.Result.NO_KEYS,
                "the cluster's keys can't be read now: try again",
                retry_after=int(keys_module.REFETCH_SECONDS),
            ) from error
        if found is None:
            raise _bad("the token's key is not one of this cluster")
        return found


def _bad(message: str) -> refusals.Refused:
    return refusals.Refused(refusals.Result.BAD_TOKEN, message)
