"""When the cluster's keys are fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.progress import issuer as issuers
from trainshed.progress import keys as keys_module


@dataclass(slots=True)
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def made(issuer: issuers.Issuer, clock: Clock) -> keys_module.Keys:
    return keys_module.Keys(configuration=issuer.configuration, keys=issuer.keys, clock=clock)


async def test_known_key_is_found_without_a_fetch(issuer: issuers.Issuer) -> None:
    keys = made(issuer, Clock())
    await keys.find("key-1")

    found = await keys.find("key-1")

    assert found is not None
    assert found[0] == issuers.ISSUER
    assert issuer.fetches == 1


async def test_rotated_key_is_found_after_the_interval(issuer: issuers.Issuer) -> None:
    clock = Clock()
    keys = made(issuer, clock)
    await keys.find("key-1")
    issuer.kid = "key-2"

    assert await keys.find("key-2") is None
    clock.now += keys_module.REFETCH_SECONDS
    assert await keys.find("key-2") is not None


async def test_withdrawn_key_is_forgotten_within_the_hour(issuer: issuers.Issuer) -> None:
    clock = Clock()
    keys = made(issuer, clock)
    await keys.find("key-1")
    issuer.kid = "key-2"
    clock.now += keys_module.MAX_AGE_SECONDS

    assert await keys.find("key-1") is None


async def test_known_keys_outlive_a_cluster_that_does_not_answer(issuer: issuers.Issuer) -> None:
    clock = Clock()
    keys = made(issuer, clock)
    await keys.find("key-1")
    issuer.answers = False
    clock.now += keys_module.MAX_AGE_SECONDS

    assert await keys.find("key-1") is not None


async def test_flood_over_minutes_causes_one_fetch_an_interval(issuer: issuers.Issuer) -> None:
    clock = Clock()
    keys = made(issuer, clock)
    for second in range(300):
        clock.now = 1000.0 + second
        await keys.find(f"unknown-{second}")

    assert issuer.fetches == 300 / keys_module.REFETCH_SECONDS


async def test_nothing_is_judged_before_keys_were_had(issuer: issuers.Issuer) -> None:
    issuer.answers = False

    with pytest.raises(keys_module.KeysUnavailable):
        await made(issuer, Clock()).find("key-1")


async def test_cluster_that_hangs_is_given_up(
    issuer: issuers.Issuer,
) -> None:
    async def hang() -> Mapping[str, Any] | None:
        await asyncio.Event().wait()
        return None

    keys = keys_module.Keys(
        configuration=issuer.configuration, keys=hang, clock=Clock(), fetch_seconds=0.01
    )

    with pytest.raises(keys_module.KeysUnavailable):
        await keys.find("key-1")


@pytest.mark.parametrize(
    "published",
    [
        {},
        {"keys": None},
        {"keys": []},
        {"keys": [{}]},
        {"keys": [{"kty": "RSA", "kid": "key-1"}]},
        {"keys": [{"kty": "EC", "kid": "key-1", "crv": "P-999", "x": "a", "y": "b"}]},
    ],
)
async def test_document_without_a_sound_key_is_no_document(
    issuer: issuers.Issuer, published: Mapping[str, Any]
) -> None:
    async def broken() -> Mapping[str, Any]:
        return published

    keys = keys_module.Keys(configuration=issuer.configuration, keys=broken, clock=Clock())

    with pytest.raises(keys_module.KeysUnavailable):
        await keys.find("key-1")
