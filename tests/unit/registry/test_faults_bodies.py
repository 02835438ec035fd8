"""Answers that are not what they should be: any bytes, bytes without end, bytes of another."""

import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.registry import faults, faulty, images
from trainshed.registry import errors, exchange


async def test_a_tag_without_the_digests_header_is_found_by_its_bytes() -> None:
    rig = faulty.Rig(faulty.Registry())
    built = await rig.make()
    for answer in (faults.status(200), faults.status(200, Docker_Content_Digest="../../etc")):
        rig.clock.now += 3600
        rig.registry.fault = faults.always("HEAD", faults.TAG, answer)

        assert (await rig.make()).ref == built.ref


MANIFESTS = {
    "no json": b"<html>",
    "no object": b"[]",
    "nested without end": b"[" * 200_000,
    "not unicode": b"\xff\xfe{}",
    "empty": b"",
    "an artifact": b'{"layers": [], "config": {"digest": 3}}',
    "of the first schema": b'{"schemaVersion": 1, "fsLayers": [], "history": []}',
    "layers that are none": b'{"config": {"digest": "sha256:x"}, "layers": 3}',
    "a number without end": b'{"layers": ' + b"9" * 5000 + b"}",
    "an index of nothing": b'{"manifests": []}',
    "an index of itself": b'{"manifests": [{"digest": "../x"}]}',
}


@pytest.mark.parametrize("data", MANIFESTS.values(), ids=MANIFESTS.keys())
async def test_a_base_that_is_no_image_is_refused(data: bytes) -> None:
    registry = faulty.Registry()
    registry.manifests["bases/python:1"] = data
    registry.manifests[f"bases/python:{images.digest(data)}"] = data

    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(registry).make()

    assert caught.value.reason in ("RegistryRejected", "BaseImageUnsupported")
    assert "nobody foresaw" not in str(caught.value)
    assert registry.of("PUT") == []


@given(st.binary(max_size=64), st.integers(200, 599))
async def test_any_answer_at_all_is_an_image_or_a_refusal(body: bytes, code: int) -> None:
    def fault(request: httpx.Request) -> httpx.Response:
        return httpx.Response(code, content=b"" if request.method == "HEAD" else body)

    with contextlib.suppress(errors.RegistryError):
        await faulty.Rig(faulty.Registry(fault)).make()


async def test_other_bytes_than_the_digests_are_refused() -> None:
    other = json.dumps({**faulty.BASE.document, "x": 1}).encode()

    found = await faults.refusal(
        faults.always("GET", "/manifests/", faults.status(200, body=other))
    )

    assert "other bytes than those of" in str(found)


class Endless(httpx.AsyncByteStream):
    """A body without an end."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 1 << 16
            yield b" " * (1 << 16)


@pytest.mark.parametrize("code", [200, 403, 500])
async def test_an_answer_without_end_is_cut(code: int) -> None:
    bodies: list[Endless] = []

    def endless() -> httpx.Response:
        bodies.append(Endless())
        return httpx.Response(code, stream=bodies[-1])

    await faults.refusal(faults.always("GET", "/manifests/", endless))

    assert all(each.sent <= exchange.MAX_BYTES + (1 << 16) for each in bodies)


async def test_of_a_blob_that_is_there_one_piece_is_read() -> None:
    blob = Endless()
    rig = faulty.Rig(faulty.Registry(lambda _: httpx.Response(200, stream=blob)))

    assert await rig.client.has_blob("a", "sha256:x")
    assert blob.sent == 1 << 16


async def test_a_blob_of_no_bytes_is_not_there() -> None:
    rig = faulty.Rig(faulty.Registry(lambda _: httpx.Response(200)))

    assert not await rig.client.has_blob("a", "sha256:x")


class Breaking(httpx.AsyncByteStream):
    """A body that breaks off."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x" * 10
        raise httpx.ReadError("broken")


async def test_a_blob_that_breaks_off_on_its_way_over_is_a_refusal_of_ours() -> None:
    layer = faulty.BASE.layers[0]

    def fault(request: httpx.Request) -> httpx.Response | None:
        if "mount" in request.url.params:
            return httpx.Response(202, headers={"Location": "/v2/x/blobs/uploads/begun"})
        if request.url.path == f"/v2/bases/python/blobs/{layer}" and "Range" not in request.headers:
            return httpx.Response(200, stream=Breaking())
        return None

    rig = faulty.Rig(faulty.Registry(fault))
    with pytest.raises(errors.Unavailable):
        await rig.make()
    assert rig.registry.of("PUT", faults.TAG) == []
