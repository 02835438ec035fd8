"""Tokens and passwords of one key: neither is taken for the other, and neither for ever."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt
import pytest

from trainshed.granting import rights, signing
from trainshed.progress import certificates

ACCOUNT = rights.Account(rights.Role.PULLER, "team-a")


@dataclass(slots=True)
class Clock:
    """A clock that a test moves."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        """Return Unix time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> signing.Signer:
    """Return a signer with a key of its own."""
    return signing.Signer(certificates.create_authority(now=time.time()), clock=clock)


def test_a_password_says_whose_it_is(signer: signing.Signer) -> None:
    assert signer.account(signer.password(ACCOUNT)) == ACCOUNT


def test_a_password_ends(signer: signing.Signer, clock: Clock) -> None:
    password = signer.password(ACCOUNT)
    clock.now += signing.PASSWORD_SECONDS

    assert signer.account(password) is None


def test_a_token_of_the_registry_is_no_password(signer: signing.Signer) -> None:
    assert signer.account(signer.token([], subject="x")) is None


def test_a_password_of_another_key_is_none(signer: signing.Signer, clock: Clock) -> None:
    other = signing.Signer(certificates.create_authority(now=time.time()), clock=clock)

    assert signer.account(other.password(ACCOUNT)) is None


@pytest.mark.parametrize(
    "password", ["", "x", "a.b.c", "é", "x" * 5000, "eyJhbGciOiJub25lIn0.e30."]
)
def test_what_is_no_password_is_none(signer: signing.Signer, password: str) -> None:
    assert signer.account(password) is None


def test_an_unsigned_password_is_none(signer: signing.Signer) -> None:
    claims = jwt.decode(signer.password(ACCOUNT), options={"verify_signature": False})

    assert signer.account(jwt.encode(claims, None, algorithm="none")) is None


def test_a_token_tells_the_registry_by_which_certificate_it_is_signed(
    signer: signing.Signer,
) -> None:
    access: rights.Access = [{"type": "repository", "name": "a", "actions": ["pull"]}]
    token = signer.token(access, subject="x")

    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    assert len(jwt.get_unverified_header(token)["x5c"]) == 1
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["access"] == access
    assert claims["exp"] - claims["iat"] == signing.TOKEN_SECONDS


def test_no_repr_holds_the_key(signer: signing.Signer) -> None:
    assert "PRIVATE" not in repr(signer) + str(vars(signer))
