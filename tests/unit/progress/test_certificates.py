"""The authority, its leaves, and a leaf's renewal in a running server."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time

import pytest
from cryptography import x509

from tests.unit.progress import rig as rigs
from trainshed.progress import certificates, tls

NOW = 1_790_000_000.0
YEAR = 365 * 86400


def parsed(pair: certificates.KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_authority_lives_ten_years_and_signs_certificates_only() -> None:
    authority = certificates.create_authority(now=NOW)

    usage = parsed(authority).extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert authority.expires - NOW == 10 * YEAR


def test_leaf_is_for_the_service_in_both_spellings() -> None:
    names = certificates.server_names("trainshed-progress", "trainshed-system")
    leaf = parsed(certificates.issue(certificates.create_authority(now=NOW), names=names, now=NOW))

    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == [
        "trainshed-progress.trainshed-system.svc",
        "trainshed-progress.trainshed-system.svc.cluster.local",
    ]


def test_leaf_of_a_long_namespace_can_be_issued() -> None:
    names = certificates.server_names("trainshed-progress", "n" * 63)

    certificates.issue(certificates.create_authority(now=NOW), names=names, now=NOW)


def test_leaf_is_valid_for_a_pod_whose_clock_is_behind() -> None:
    leaf = certificates.issue(certificates.create_authority(now=NOW), names=["a"], now=NOW)

    assert parsed(leaf).not_valid_before_utc.timestamp() == NOW - 3600


async def test_name_that_is_not_in_the_leaf_is_not_believed(rig: rigs.Rig) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await asyncio.open_connection(
            "127.0.0.1", rig.port, ssl=rig.trust(), server_hostname="elsewhere.example"
        )


async def test_new_connections_see_the_renewed_leaf(authority: certificates.KeyPair) -> None:
    identity = tls.Identity(authority, names=rigs.NAMES, clock=time.time)
    trust = ssl.create_default_context(cadata=authority.certificate.decode("ascii"))

    async with _shown(identity) as port:
        first = await _serial(port, trust)
        assert await _serial(port, trust) == first
        identity.renew()
        assert await _serial(port, trust) != first


async def test_leaf_is_renewed_when_a_third_of_its_life_is_left(
    authority: certificates.KeyPair,
) -> None:
    now = time.time()
    identity = tls.Identity(authority, names=rigs.NAMES, clock=lambda: now)
    first = identity.expires
    renewing = asyncio.create_task(identity.keep_fresh(check_seconds=0))

    now += 19 * 86400
    await _turns()
    assert identity.expires == first

    now += 2 * 86400
    await _turns()
    assert identity.expires > first
    renewing.cancel()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _serial(port: int, trust: ssl.SSLContext) -> int:
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=trust, server_hostname="localhost"
    )
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(shown).serial_number


@contextlib.asynccontextmanager
async def _shown(identity: tls.Identity):  # type: ignore[no-untyped-def]
    """Serve TLS and nothing behind it."""
    server = await asyncio.start_server(
        lambda _, writer: writer.transport.abort(), "127.0.0.1", 0, ssl=identity.context
    )
    async with server:
        yield server.sockets[0].getsockname()[1]
