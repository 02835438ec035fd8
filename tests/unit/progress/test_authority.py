"""The authority in its Secret."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.progress import store as stores
from trainshed.progress import authority as authorities
from trainshed.progress import certificates

NOW = 1_790_000_000.0
NAME, NAMESPACE = "trainshed-progress-ca", "trainshed-system"


async def ensured(store: stores.MemoryStore, *, now: float = NOW) -> certificates.KeyPair:
    return await authorities.ensure(store, name=NAME, namespace=NAMESPACE, now=now)


def secret(**data: bytes) -> dict[str, Any]:
    names = {"crt": "tls.crt", "key": "tls.key"}
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {names[key]: base64.b64encode(value).decode() for key, value in data.items()},
    }


async def test_is_created_once_and_read_ever_after() -> None:
    store = stores.MemoryStore()

    first = await ensured(store)
    second = await ensured(store)

    assert first == second
    assert store.writes == 1
    assert store.objects[NAME]["type"] == "kubernetes.io/tls"


async def test_replica_that_comes_second_takes_the_first_ones() -> None:
    store = stores.MemoryStore()
    other = certificates.create_authority(now=NOW)

    def first() -> None:
        if NAME not in store.objects:
            store.put(authorities.render(other, name=NAME, namespace=NAMESPACE))

    store.between = first

    assert (await ensured(store)).certificate == other.certificate


async def test_is_replaced_before_it_expires() -> None:
    store = stores.MemoryStore()
    first = await ensured(store)

    second = await ensured(store, now=first.expires - 86400)

    assert second.certificate != first.certificate
    assert second.expires > first.expires


async def test_reads_what_it_renders() -> None:
    store = stores.MemoryStore()
    own = certificates.create_authority(now=NOW)
    store.put(authorities.render(own, name=NAME, namespace=NAMESPACE))

    assert await ensured(store) == own


async def test_unusable_secret_is_left_alone_and_named() -> None:
    own = certificates.create_authority(now=NOW)
    other = certificates.create_authority(now=NOW)
    leaf = certificates.issue(own, names=["localhost"], now=NOW)
    cases = {
        "empty": secret(),
        "no key": secret(crt=own.certificate),
        "garbage": secret(crt=b"x", key=b"y"),
        "another's key": secret(crt=own.certificate, key=other.key),
        "no authority": secret(crt=leaf.certificate, key=leaf.key),
        "no base64": {**secret(), "data": {"tls.crt": "?", "tls.key": "?"}},
    }
    for name, body in cases.items():
        store = stores.MemoryStore()
        store.put(body)

        with pytest.raises(authorities.AuthorityUnusable, match=f"{NAMESPACE}/{NAME}"):
            await ensured(store)
        assert store.writes == 1, name


async def test_secret_that_never_settles_is_given_up() -> None:
    store = stores.MemoryStore()
    own = certificates.create_authority(now=NOW - certificates.AUTHORITY_DAYS * 86400)
    body = authorities.render(own, name=NAME, namespace=NAMESPACE)
    store.put(body)
    store.between = lambda: store.put(body)

    with pytest.raises(authorities.AuthorityUnusable, match="changes all the time"):
        await ensured(store)
