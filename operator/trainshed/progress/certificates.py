"""Certificates of the progress endpoint: a long-lived authority and its short-lived leaves.

Pure: the time is given and nothing is stored. Both kinds carry key usages and key identifiers,
because Python 3.13 verifies strictly by default.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

AUTHORITY_DAYS = 3650
LEAF_DAYS = 30
SKEW = datetime.timedelta(hours=1)
"""How far a pod's clock may be behind ours."""


class Unusable(Exception):
    """What should be an authority can't sign. The message says why."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key as PEM, and the Unix time at which it expires."""

    certificate: bytes
    key: bytes
    expires: float


def server_names(service: str, namespace: str) -> tuple[str, ...]:
    """Return the DNS names by which pods reach a Service."""
    return (f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.cluster.local")


def create_authority(*, now: float, name: str = "trainshed progress") -> KeyPair:
    """Return a new authority of this common name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, subject, key.public_key(), now=now, days=AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, key)


def read_authority(certificate: bytes, key: bytes) -> KeyPair:
    """Return the authority in two PEM documents; raises Unusable."""
    parsed, private = _parsed(certificate, key)
    if private.public_key() != parsed.public_key():
        raise Unusable("its key belongs to another certificate")
    try:
        constraints = parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise Unusable("its certificate is not an authority's") from None
    if not constraints.ca:
        raise Unusable("its certificate is not an authority's")
    return KeyPair(certificate, key, parsed.not_valid_after_utc.timestamp())


def issue(authority: KeyPair, *, names: Sequence[str], now: float) -> KeyPair:
    """Return a new server certificate for these DNS names."""
    signer, signer_key = _parsed(authority.certificate, authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, names[0][:64])])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key())
    builder = (
        _builder(name, signer.subject, key.public_key(), now=now, days=LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
        .add_extension(identifier, critical=False)
    )
    return _signed(builder, key, signer_key)


def _parsed(certificate: bytes, key: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        parsed = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Unusable("it holds no PEM certificate and key") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise Unusable("its key is no elliptic-curve key")
    return parsed, private


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    *,
    now: float,
    days: int,
) -> x509.CertificateBuilder:
    moment = datetime.datetime.fromtimestamp(int(now), tz=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - SKEW)
        .not_valid_after(moment + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
) -> KeyPair:
    certificate = builder.sign(signer, hashes.SHA256())
    return KeyPair(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        expires=certificate.not_valid_after_utc.timestamp(),
    )
