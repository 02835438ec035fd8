"""The cluster's own certificate authority and what it signs.

Owns the pki folder. Files that are there stay: a component's identity outlives a restart.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hack.cluster import settings

_LIFETIME = datetime.timedelta(days=3650)
# A clock that is set back a little must not make a new certificate invalid.
_BACKDATED = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate names, and the hosts it serves; without hosts it is a client's."""

    file: str
    name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


IDENTITIES = (
    Identity(
        "apiserver",
        "kube-apiserver",
        hosts=(
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            f"kubernetes.default.svc.{settings.DOMAIN}",
            "127.0.0.1",
            settings.API_SERVICE,
            settings.GATEWAY,
        ),
    ),
    Identity("kubelet-server", settings.NODE, hosts=(settings.NODE, settings.GATEWAY)),
    Identity("admin", "trainshed-admin", groups=("system:masters",)),
    Identity("apiserver-kubelet", "kube-apiserver-kubelet", groups=("system:masters",)),
    Identity("controller-manager", "system:kube-controller-manager"),
    Identity("scheduler", "system:kube-scheduler"),
    Identity("kubelet", f"system:node:{settings.NODE}", groups=("system:nodes",)),
    Identity("proxy", "system:kube-proxy"),
    Identity("dns", "trainshed-dns", groups=("system:masters",)),
    Identity("kwok", "trainshed-kwok", groups=("system:masters",)),
    Identity("prometheus", "trainshed-prometheus", groups=("system:masters",)),
)


def ensure(folder: pathlib.Path) -> None:
    """Write what is missing: the authority, every identity, the service accounts' pair."""
    wanted = [folder / f"{identity.file}.crt" for identity in IDENTITIES]
    if all(path.exists() for path in [folder / "ca.crt", folder / "sa.pub", *wanted]):
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, certificate = authority(folder)
    for identity in IDENTITIES:
        if not (folder / f"{identity.file}.crt").exists():
            issue(identity, folder=folder, issuer=certificate, signer=key)
    if not (folder / "sa.pub").exists():
        pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write_key(folder / "sa.key", pair)
        public = pair.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / "sa.pub").write_bytes(public)


def authority(folder: pathlib.Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Return the folder's authority; a new one says by keyUsage what its key is for."""
    if (folder / "ca.crt").exists():
        loaded = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        return loaded, x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("trainshed-local-cluster")
    # Python 3.13 and newer refuse an authority without a keyUsage extension.
    certificate = (
        _builder(name, issuer=name, key=key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(folder / "ca.key", key)
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def issue(
    identity: Identity,
    *,
    folder: pathlib.Path,
    issuer: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
) -> None:
    """Write the identity's key and its certificate, the certificate last."""
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if identity.hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(
            _name(identity.name, groups=identity.groups),
            issuer=issuer.subject,
            key=key.public_key(),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if identity.hosts:
        alternatives = x509.SubjectAlternativeName([_alternative(host) for host in identity.hosts])
        builder = builder.add_extension(alternatives, critical=False)
    certificate = builder.sign(signer, hashes.SHA256())
    _write_key(folder / f"{identity.file}.key", key)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / f"{identity.file}.crt").write_bytes(pem)


def _builder(
    subject: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
    )


def _name(common: str, *, groups: Sequence[str] = ()) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: pathlib.Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
