"""For how long a good token is remembered."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from tests.unit.progress import issuer as issuers
from trainshed.progress import keys, refusals, tokens


@dataclass(slots=True)
class Clock:
    now: float

    def __call__(self) -> float:
        return self.now


def made(issuer: issuers.Issuer, clock: Clock) -> tokens.Verifier:
    found = keys.Keys(configuration=issuer.configuration, keys=issuer.keys, clock=clock)
    return tokens.Verifier(keys=found, audience=issuers.AUDIENCE, clock=clock)


async def test_says_whose_token_it_is(issuer: issuers.Issuer) -> None:
    subject = await made(issuer, Clock(time.time())).verify(issuer.token())

    assert subject == tokens.Subject("team-a", "digits-1-0-abcde", "pod-uid-1")  # type: ignore[arg-type]


async def test_withdrawn_key_ends_what_was_remembered(issuer: issuers.Issuer) -> None:
    clock = Clock(time.time())
    verifier = made(issuer, clock)
    token = issuer.token()
    await verifier.verify(token)
    issuer.kid = "key-2"

    clock.now += keys.MAX_AGE_SECONDS + tokens.REMEMBER_SECONDS
    with pytest.raises(refusals.Refused, match="not one of this cluster"):
        await verifier.verify(token)


async def test_token_is_not_remembered_beyond_its_expiry(issuer: issuers.Issuer) -> None:
    clock = Clock(time.time())
    verifier = made(issuer, clock)
    # Within the leeway: still good by the library's own clock, but not for longer.
    token = issuer.token(exp=int(clock.now) - 1)
    await verifier.verify(token)
    issuer.kid = "key-2"
    clock.now += keys.MAX_AGE_SECONDS

    with pytest.raises(refusals.Refused):
        await verifier.verify(token)


async def test_bad_token_is_not_remembered(issuer: issuers.Issuer) -> None:
    verifier = made(issuer, Clock(time.time()))
    token = issuer.token(aud=["elsewhere"])

    for _ in range(2):
        with pytest.raises(refusals.Refused, match="InvalidAudienceError"):
            await verifier.verify(token)


async def test_number_of_remembered_tokens_is_bounded(
    issuer: issuers.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "REMEMBER_TOKENS", 2)
    verifier = made(issuer, Clock(time.time()))

    for number in range(4):
        await verifier.verify(issuer.token(jti=str(number)))

    assert len(verifier._good) == 2


async def test_overlong_token_is_refused_unread(issuer: issuers.Issuer) -> None:
    with pytest.raises(refusals.Refused, match="too long"):
        await made(issuer, Clock(time.time())).verify("a" * (tokens.MAX_CHARACTERS + 1))
    assert issuer.fetches == 0
