"""A served endpoint for each test, and keys that are made once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.progress import issuer as issuers
from tests.unit.progress import rig as rigs
from trainshed.progress import certificates


@pytest.fixture(scope="session")
def authority() -> certificates.KeyPair:
    return certificates.create_authority(now=time.time())


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer() -> issuers.Issuer:
    return issuers.Issuer()


@pytest.fixture
def idle_rig(issuer: issuers.Issuer, authority: certificates.KeyPair) -> rigs.Rig:
    return rigs.Rig(issuer=issuer, authority=authority)


@pytest.fixture
async def rig(idle_rig: rigs.Rig) -> AsyncIterator[rigs.Rig]:
    async with idle_rig.serving():
        yield idle_rig
