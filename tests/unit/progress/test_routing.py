"""The EndpointSlice that leads to the leader."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.progress import store as stores
from trainshed.progress import routing

SERVICE = "trainshed-progress"


async def ensured(store: stores.MemoryStore, *, address: str = "10.0.0.7") -> bool:
    return await routing.ensure(
        store, namespace="trainshed-system", service=SERVICE, address=address, port=8443
    )


def held(store: stores.MemoryStore) -> dict[str, Any]:
    return store.objects[SERVICE]


async def test_slice_is_created_for_the_service() -> None:
    store = stores.MemoryStore()

    assert await ensured(store)

    assert held(store)["metadata"]["labels"]["kubernetes.io/service-name"] == SERVICE
    assert held(store)["endpoints"][0]["addresses"] == ["10.0.0.7"]
    assert held(store)["ports"] == [{"name": "https", "port": 8443, "protocol": "TCP"}]


async def test_second_time_writes_nothing() -> None:
    store = stores.MemoryStore()
    await ensured(store)

    assert not await ensured(store)
    assert store.writes == 1


async def test_new_leader_takes_over() -> None:
    store = stores.MemoryStore()
    await ensured(store)

    assert await ensured(store, address="10.0.0.8")

    assert held(store)["endpoints"][0]["addresses"] == ["10.0.0.8"]


async def test_what_somebody_changed_is_put_right() -> None:
    store = stores.MemoryStore()
    await ensured(store)
    held(store)["metadata"]["labels"].clear()

    assert await ensured(store)


async def test_conflict_is_tried_again_with_what_is_there_now() -> None:
    store = stores.MemoryStore()
    await ensured(store)
    raced = iter([lambda: store.put(held(store))])
    store.between = lambda: next(raced, lambda: None)()

    assert await ensured(store, address="10.0.0.8")

    assert held(store)["endpoints"][0]["addresses"] == ["10.0.0.8"]


async def test_slice_that_never_settles_is_given_up() -> None:
    store = stores.MemoryStore()
    await ensured(store)
    store.between = lambda: store.put(held(store))

    with pytest.raises(routing.RoutingFailed, match="another process writes it"):
        await ensured(store, address="10.0.0.8")


def test_address_of_the_sixth_version_says_so() -> None:
    body = routing.render(namespace="n", service=SERVICE, address="fd00::7", port=8443)

    assert body["addressType"] == "IPv6"
