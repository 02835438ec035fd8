"""A registry that fails in the middle: what is tried again, what is told, and never a crash."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.registry import faulty, images
from trainshed.core import plan
from trainshed.registry import builder, credentials, errors, exchange

TAG = "/trainshed/ns/team-a/manifests/"
Answer = Callable[[], httpx.Response | Exception]


def at(method: str, part: str, *answers: Answer | None) -> faulty.Fault:
    """Return a fault of the first requests of a method and path; None answers as it should."""
    left = list(answers)

    def fault(request: httpx.Request) -> httpx.Response | Exception | None:
        if not left or request.method != method or part not in request.url.path:
            return None
        answer = left.pop(0)
        return None if answer is None else answer()

    return fault


def always(method: str, part: str, answer: Answer) -> faulty.Fault:
    """Return a fault of every request of a method and path."""

    def fault(request: httpx.Request) -> httpx.Response | Exception | None:
        return answer() if request.method == method and part in request.url.path else None

    return fault


def status(code: int, *, body: bytes = b"", **headers: str) -> Answer:
    """Return an answer of a code; headers are named with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(code, headers=named, content=body)


def broken(kind: type[httpx.TransportError] = httpx.ReadError) -> Answer:
    """Return a connection that breaks."""
    return lambda: kind("broken")


async def refusal(fault: faulty.Fault, *, base: str = faulty.BASE_NAME) -> errors.RegistryError:
    """Return why an image could not be made."""
    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(faulty.Registry(fault)).make(base=base)
    return caught.value


async def test_nothing_wrong_makes_an_image_and_finds_it_again() -> None:
    rig = faulty.Rig(faulty.Registry())
    built = await rig.make()

    rig.clock.now += 3600
    rig.registry.seen.clear()
    found = await rig.make()

    assert (found.ref, found.cache_hit) == (built.ref, True)
    assert [each.method for each in rig.registry.of("HEAD", TAG)] == ["HEAD"]
    assert len(rig.registry.seen) == 2, "one of them for the base's tag"


@pytest.mark.parametrize("code", [500, 502, 503, 504])
async def test_an_error_of_the_server_is_tried_again(code: int) -> None:
    rig = faulty.Rig(faulty.Registry(at("HEAD", TAG, status(code), status(code))))

    assert (await rig.make()).cache_hit is False
    assert rig.slept == [0.4, 0.8]


async def test_a_server_that_stays_broken_is_told_after_three_tries() -> None:
    rig = faulty.Rig(faulty.Registry(always("HEAD", TAG, status(503))))

    with pytest.raises(errors.Unavailable, match="answers 503: it is tried again"):
        await rig.make()
    assert len(rig.registry.of("HEAD", TAG)) == 3
    assert sum(rig.slept) < 5


async def test_who_asks_us_to_wait_is_waited_for() -> None:
    rig = faulty.Rig(faulty.Registry(at("HEAD", TAG, status(429, Retry_After="3"))))

    await rig.make()

    assert rig.slept == [3.0]


@pytest.mark.parametrize("after", ["11", "86400", "9" * 400])
async def test_who_asks_us_to_wait_long_is_left_to_a_later_build(after: str) -> None:
    rig = faulty.Rig(faulty.Registry(always("HEAD", TAG, status(429, Retry_After=after))))

    with pytest.raises(errors.Unavailable) as caught:
        await rig.make()
    assert rig.slept == []
    assert caught.value.retry_after == float(after)


@pytest.mark.parametrize("after", ["", "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "1e9", "nan"])
async def test_a_wait_that_is_no_number_is_our_own(after: str) -> None:
    rig = faulty.Rig(faulty.Registry(at("HEAD", TAG, status(429, Retry_After=after))))

    await rig.make()

    assert len(rig.slept) == 1
    assert 0 < rig.slept[0] <= 2


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (400, "RegistryRejected"),
        (401, "RegistryUnauthorized"),
        (403, "RegistryForbidden"),
        (404, "RegistryRejected"),
        (405, "RegistryRejected"),
        (413, "RegistryQuotaExceeded"),
        (507, "RegistryQuotaExceeded"),
        (503, "RegistryUnavailable"),
        (302, "RegistryRejected"),
    ],
)
@pytest.mark.parametrize(
    ("method", "part"),
    [("POST", "/blobs/uploads/"), ("PUT", "/blobs/uploads/"), ("PUT", TAG)],
    ids=["upload begun", "upload", "manifest"],
)
async def test_each_refusal_of_a_write_has_its_reason(
    method: str, part: str, code: int, reason: str
) -> None:
    assert (await refusal(always(method, part, status(code)))).reason == reason


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError])
@pytest.mark.parametrize("method", ["HEAD", "GET", "POST", "PUT"])
async def test_a_connection_that_breaks_is_tried_again(
    method: str, kind: type[httpx.TransportError]
) -> None:
    rig = faulty.Rig(faulty.Registry(at(method, "", broken(kind))))

    built = await rig.make()

    assert f"team-a:{built.key}" in " ".join(rig.registry.manifests)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
async def test_a_registry_that_is_gone_is_told(method: str) -> None:
    found = await refusal(always(method, "", broken(httpx.ConnectError)))

    assert (found.reason, found.terminal) == ("RegistryUnavailable", False)
    assert "can't be reached (ConnectError)" in str(found)


async def test_what_took_long_to_fail_is_not_tried_again_at_once() -> None:
    rig = faulty.Rig(faulty.Registry(always("HEAD", TAG, broken(httpx.ReadTimeout))))

    with pytest.raises(errors.Unavailable):
        await rig.make()
    assert len(rig.registry.of("HEAD", TAG)) == 1


async def test_an_upload_that_breaks_off_is_begun_anew() -> None:
    rig = faulty.Rig(faulty.Registry(at("PUT", "/blobs/uploads/", broken(httpx.WriteError))))

    await rig.make()

    # Two layers and a config, one of them twice; a base's layer is mounted.
    assert len(rig.registry.of("PUT", "/blobs/uploads/")) == 4
    assert len(rig.registry.of("POST", "/blobs/uploads/")) == 5


async def test_an_upload_to_another_host_is_refused_and_gets_nothing() -> None:
    away = status(202, Location="https://elsewhere.example/put?state=1")
    registry = faulty.Registry(always("POST", "/blobs/uploads/", away))

    with pytest.raises(errors.NotAllowed, match=r"elsewhere\.example"):
        await faulty.Rig(registry).make()
    assert {each.url.host for each in registry.seen} == {faulty.HOST}


@pytest.mark.parametrize(
    "location",
    ["", "https://[", "https://ann@registry.example/x", "//elsewhere.example/x", "ftp://x/y"],
)
async def test_an_upload_to_nowhere_is_refused(location: str) -> None:
    found = await refusal(always("POST", "/blobs/uploads/", status(202, Location=location)))

    assert found.reason in ("RegistryRejected", "RegistryNotAllowed")


async def test_an_upload_by_plain_http_goes_by_tls_where_the_settings_say_so() -> None:
    place = "http://registry.example/v2/trainshed/ns/team-a/blobs/uploads/begun?state=1"
    registry = faulty.Registry(always("POST", "/blobs/uploads/", status(202, Location=place)))

    await faulty.Rig(registry).make()

    assert {each.url.scheme for each in registry.seen} == {"https"}


async def test_a_tag_without_the_digests_header_is_found_by_its_bytes() -> None:
    rig = faulty.Rig(faulty.Registry())
    built = await rig.make()
    for answer in (status(200), status(200, Docker_Content_Digest="../../etc")):
        rig.clock.now += 3600
        rig.registry.fault = always("HEAD", TAG, answer)

        assert (await rig.make()).ref == built.ref


async def test_a_read_that_is_sent_on_takes_no_credentials_along() -> None:
    config = faulty.BASE.document["config"]["digest"]
    away = f"https://storage.example/v2/bases/python/blobs/{config}"

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == faulty.HOST and "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.url.host == faulty.HOST and request.url.path.endswith(config):
            return httpx.Response(307, headers={"Location": away})
        return None

    login = credentials.Login("ann", "pw")
    rig = faulty.Rig(faulty.Registry(fault), login=login)
    await rig.make()

    there = [each for each in rig.registry.seen if each.url.host == "storage.example"]
    assert len(there) == 1
    assert "Authorization" not in there[0].headers


@pytest.mark.parametrize(
    "location",
    ["http://registry.example/x", "file:///etc/passwd", "https://a\x7fb/", "https://x:port/", ""],
)
async def test_a_read_that_is_sent_where_nobody_should_go_is_refused(location: str) -> None:
    found = await refusal(always("GET", "/bases/", status(307, Location=location)))

    assert isinstance(found, (errors.Rejected, errors.NotAllowed, errors.Unavailable))
    assert "nobody foresaw" not in str(found)


async def test_a_read_that_is_sent_round_in_circles_ends() -> None:
    here = f"{faulty.URL}/v2/bases/python/blobs/x"

    found = await refusal(always("GET", "/bases/", status(307, Location=here)))

    assert "round in circles" in str(found)


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

    found = await refusal(always("GET", "/manifests/", status(200, body=other)))

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

    await refusal(always("GET", "/manifests/", endless))

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
    assert rig.registry.of("PUT", TAG) == []


async def test_a_hundred_equal_builds_put_one_manifest() -> None:
    rig = faulty.Rig(faulty.Registry())

    built = await asyncio.gather(*(rig.make() for _ in range(100)))

    assert len(rig.registry.of("PUT", TAG)) == 1
    assert len({each.ref for each in built}) == 1


async def test_a_failure_reaches_all_who_ask_and_is_not_remembered() -> None:
    rig = faulty.Rig(faulty.Registry(always("PUT", TAG, status(400))))

    results = await asyncio.gather(*(rig.make() for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in results} == {errors.Rejected}
    assert len(rig.registry.of("PUT", TAG)) == 1

    rig.registry.fault = faulty.nothing_wrong
    assert not (await rig.make()).cache_hit


async def test_what_nobody_foresaw_is_a_refusal_too(caplog: pytest.LogCaptureFixture) -> None:
    def fault(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("nobody foresaw this")

    found = await refusal(fault)

    assert (found.reason, found.terminal) == ("RegistryRejected", False)
    assert "RuntimeError" in str(found)
    assert [each.levelname for each in caplog.records if "build_broke" in each.message] == ["ERROR"]


async def test_a_source_that_can_not_be_packed_is_told_before_anything_is_asked() -> None:
    rig = faulty.Rig(faulty.Registry())
    order = plan.BuildOrder(base=faulty.BASE_NAME, entrypoint=faulty.ENTRYPOINT)

    with pytest.raises(errors.SourceRefused) as caught:
        await rig.builder.make("team-a", order, {"../x": b""})

    assert (caught.value.reason, caught.value.terminal) == ("SourceInvalid", True)
    assert rig.registry.seen == []


async def test_a_slow_build_ends_in_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rig = faulty.Rig(faulty.Registry(), times=builder.Times(build=0.01))

    async def never(_: Any) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    rig.http._transport = httpx.MockTransport(never)
    with pytest.raises(errors.Unavailable, match="took more than"):
        await rig.make()


async def test_a_wait_for_a_connection_of_our_own_is_not_held_against_the_registry() -> None:
    registry = faulty.Registry()

    await faulty.Rig(registry).make()

    assert {each.extensions["timeout"]["pool"] for each in registry.seen} == {None}
