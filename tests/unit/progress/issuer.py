"""A cluster that issues tokens: its keys, its documents, and what is in its pods' tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import algorithms

AUDIENCE = "trainshed.dev/progress"
ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(slots=True)
class Issuer:
    """Signs tokens and publishes keys; counts how often it is asked."""

    ec_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    rsa_key: rsa.RSAPrivateKey | None = None
    kid: str = "key-1"
    answers: bool = True
    fetches: int = 0

    async def configuration(self) -> Mapping[str, Any] | None:
        """Return /.well-known/openid-configuration."""
        return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/openid/v1/jwks"} if self.answers else None

    async def keys(self) -> Mapping[str, Any] | None:
        """Return /openid/v1/jwks."""
        self.fetches += 1
        return {"keys": self.published()} if self.answers else None

    def published(self) -> list[dict[str, Any]]:
        """Return the public keys, and one of a kind that nobody should accept a token by."""
        found: list[dict[str, Any]] = [
            {"kty": "oct", "kid": "symmetric", "k": base64.urlsafe_b64encode(b"s" * 32).decode()}
        ]
        elliptic = algorithms.ECAlgorithm.to_jwk(self.ec_key.public_key(), as_dict=True)
        found.append({**elliptic, "kid": self.kid, "use": "sig", "alg": "ES256"})
        if self.rsa_key is not None:
            key = algorithms.RSAAlgorithm.to_jwk(self.rsa_key.public_key(), as_dict=True)
            found.append({**key, "kid": "rsa-1", "use": "sig", "alg": "RS256"})
        return found

    def token(self, *, headers: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a token signed by the elliptic key; None as a change removes a claim."""
        wanted = {key: value for key, value in (claims() | changes).items() if value is not None}
        return jwt.encode(
            wanted, self.ec_key, algorithm="ES256", headers={"kid": self.kid, **(headers or {})}
        )

    def rsa_token(self, **changes: Any) -> str:
        """Return a token signed by the RSA key."""
        assert self.rsa_key is not None
        return jwt.encode(
            claims() | changes, self.rsa_key, algorithm="RS256", headers={"kid": "rsa-1"}
        )

    def confused_token(self) -> str:
        """Return a token that takes the public key's PEM as an HMAC secret."""
        pem = self.ec_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        head = _part({"alg": "HS256", "typ": "JWT", "kid": self.kid}) + "." + _part(claims())
        signature = hmac.new(pem, head.encode(), hashlib.sha256).digest()
        return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def unsigned_token(self) -> str:
        """Return a token of algorithm `none`."""
        return f"{_part({'alg': 'none', 'typ': 'JWT', 'kid': self.kid})}.{_part(claims())}."


def claims() -> dict[str, Any]:
    """Return the claims of a projected token of pod digits-1-0-abcde."""
    now = int(time.time())
    return {
        "aud": [AUDIENCE],
        "exp": now + 3600,
        "iat": now,
        "nbf": now,
        "iss": ISSUER,
        "sub": "system:serviceaccount:team-a:default",
        "kubernetes.io": bound(),
    }


def bound(
    *, namespace: str = "team-a", pod: str = "digits-1-0-abcde", uid: str = "pod-uid-1"
) -> dict[str, Any]:
    """Return the claim that binds a token to a pod."""
    return {
        "namespace": namespace,
        "pod": {"name": pod, "uid": uid},
        "serviceaccount": {"name": "default", "uid": "sa-uid"},
    }


def _part(document: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
