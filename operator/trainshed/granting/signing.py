"""Signs what the registry believes, and the passwords by which nodes ask for it.

Both are JSON web tokens of one key with audiences of their own: neither is ever taken for the
other. distribution finds the key by the certificate in the header, x5c, in versions 2 and 3.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from trainshed.granting import rights
from trainshed.progress import certificates

SERVICE = "trainshed-registry"
"""The audience of a registry's token, which its configuration names."""
ISSUER = "trainshed-operator"
PASSWORDS = "trainshed-registry-login"
"""The audience of a password."""
TOKEN_SECONDS = 300
SKEW_SECONDS = 60
"""How far the registry's clock may be behind ours; it allows a minute the other way itself."""
PASSWORD_SECONDS = 60 * 86400.0
MOST_CHARACTERS = 4096
_ALGORITHM = "ES256"


class Signer:
    """Signs with one key. No message and no repr holds what it signed."""

    def __init__(self, pair: certificates.KeyPair, *, clock: Callable[[], float]) -> None:
        """`pair`: as `progress.authority` keeps it. `clock`: Unix time."""
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # the authority makes no others
        self._key = key
        self._public = key.public_key()
        der = certificate.public_bytes(serialization.Encoding.DER)
        self._headers = {"x5c": [base64.b64encode(der).decode("ascii")]}
        self._clock = clock

    def token(self, access: rights.Access, *, subject: str) -> str:
        """Return a token that the registry takes for this access, for TOKEN_SECONDS."""
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": subject,
            "iat": now,
            "nbf": now - SKEW_SECONDS,
            "exp": now + TOKEN_SECONDS,
            "jti": secrets.token_hex(8),
            "access": access,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers=self._headers)

    def password(self, account: rights.Account) -> str:
        """Return a password of an account, good for PASSWORD_SECONDS."""
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": PASSWORDS,
            "sub": account.namespace,
            "role": account.role,
            "iat": now,
            "exp": now + int(PASSWORD_SECONDS),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def account(self, password: str) -> rights.Account | None:
        """Return whose password it is; None for one that is not ours, or no longer good."""
        if len(password) > MOST_CHARACTERS or not password.isascii():
            return None
        try:
            claims: Mapping[str, Any] = jwt.decode(
                password,
                self._public,
                algorithms=[_ALGORITHM],
                audience=PASSWORDS,
                issuer=ISSUER,
                # Time is checked below, by the clock that is given.
                options={"require": ["aud", "exp", "iss", "sub"], "verify_exp": False,
                         "verify_iat": False},
            )  # fmt: skip
            if claims["exp"] <= self._clock():
                return None
            return rights.Account(rights.Role(claims["role"]), str(claims["sub"]))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            return None
