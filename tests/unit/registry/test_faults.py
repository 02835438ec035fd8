"""A registry that fails in the middle: what is tried again, what is told, and never a crash."""

import asyncio
import logging
from typing import Any

import httpx
import pytest

from tests.unit.registry import faults, faulty
from trainshed.core import plan
from trainshed.registry import builder, errors


async def test_nothing_wrong_makes_an_image_and_finds_it_again() -> None:
    rig = faulty.Rig(faulty.Registry())
    built = await rig.make()

    rig.clock.now += 3600
    rig.registry.seen.clear()
    found = await rig.make()

    assert (found.ref, found.cache_hit) == (built.ref, True)
    assert [each.method for each in rig.registry.of("HEAD", faults.TAG)] == ["HEAD"]
    assert len(rig.registry.seen) == 2, "one of them for the base's tag"


@pytest.mark.parametrize("code", [500, 502, 503, 504])
async def test_an_error_of_the_server_is_tried_again(code: int) -> None:
    rig = faulty.Rig(
        faulty.Registry(faults.at("HEAD", faults.TAG, faults.status(code), faults.status(code)))
    )

    assert (await rig.make()).cache_hit is False
    assert rig.slept == [0.4, 0.8]


async def test_a_manifest_that_another_operator_is_writing_is_written_again() -> None:
    differs = faults.status(400, body=b'{"errors":[{"code":"DIGEST_INVALID"}]}')
    rig = faulty.Rig(faulty.Registry(faults.at("PUT", faults.TAG, differs)))

    assert (await rig.make()).cache_hit is False
    assert rig.slept == [0.4]


async def test_a_server_that_stays_broken_is_told_after_three_tries() -> None:
    rig = faulty.Rig(faulty.Registry(faults.always("HEAD", faults.TAG, faults.status(503))))

    with pytest.raises(errors.Unavailable, match="answers 503: it is tried again"):
        await rig.make()
    assert len(rig.registry.of("HEAD", faults.TAG)) == 3
    assert sum(rig.slept) < 5


async def test_who_asks_us_to_wait_is_waited_for() -> None:
    rig = faulty.Rig(
        faulty.Registry(faults.at("HEAD", faults.TAG, faults.status(429, Retry_After="3")))
    )

    await rig.make()

    assert rig.slept == [3.0]


@pytest.mark.parametrize("after", ["11", "86400", "9" * 400])
async def test_who_asks_us_to_wait_long_is_left_to_a_later_build(after: str) -> None:
    rig = faulty.Rig(
        faulty.Registry(faults.always("HEAD", faults.TAG, faults.status(429, Retry_After=after)))
    )

    with pytest.raises(errors.Unavailable) as caught:
        await rig.make()
    assert rig.slept == []
    assert caught.value.retry_after == float(after)


@pytest.mark.parametrize("after", ["", "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "1e9", "nan"])
async def test_a_wait_that_is_no_number_is_our_own(after: str) -> None:
    rig = faulty.Rig(
        faulty.Registry(faults.at("HEAD", faults.TAG, faults.status(429, Retry_After=after)))
    )

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
    [("POST", "/blobs/uploads/"), ("PUT", "/blobs/uploads/"), ("PUT", faults.TAG)],
    ids=["upload begun", "upload", "manifest"],
)
async def test_each_refusal_of_a_write_has_its_reason(
    method: str, part: str, code: int, reason: str
) -> None:
    assert (await faults.refusal(faults.always(method, part, faults.status(code)))).reason == reason


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError])
@pytest.mark.parametrize("method", ["HEAD", "GET", "POST", "PUT"])
async def test_a_connection_that_breaks_is_tried_again(
    method: str, kind: type[httpx.TransportError]
) -> None:
    rig = faulty.Rig(faulty.Registry(faults.at(method, "", faults.broken(kind))))

    built = await rig.make()

    assert f"team-a:{built.key}" in " ".join(rig.registry.manifests)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
async def test_a_registry_that_is_gone_is_told(method: str) -> None:
    found = await faults.refusal(faults.always(method, "", faults.broken(httpx.ConnectError)))

    assert (found.reason, found.terminal) == ("RegistryUnavailable", False)
    assert "can't be reached (ConnectError)" in str(found)
    assert "see that it runs" in str(found)


async def test_what_took_long_to_fail_is_not_tried_again_at_once() -> None:
    rig = faulty.Rig(
        faulty.Registry(faults.always("HEAD", faults.TAG, faults.broken(httpx.ReadTimeout)))
    )

    with pytest.raises(errors.Unavailable):
        await rig.make()
    assert len(rig.registry.of("HEAD", faults.TAG)) == 1


async def test_an_upload_that_breaks_off_is_begun_anew() -> None:
    rig = faulty.Rig(
        faulty.Registry(faults.at("PUT", "/blobs/uploads/", faults.broken(httpx.WriteError)))
    )

    await rig.make()

    # Two layers and a config, one of them twice; a base's layer is mounted.
    assert len(rig.registry.of("PUT", "/blobs/uploads/")) == 4
    assert len(rig.registry.of("POST", "/blobs/uploads/")) == 5


async def test_a_hundred_equal_builds_put_one_manifest() -> None:
    rig = faulty.Rig(faulty.Registry())

    built = await asyncio.gather(*(rig.make() for _ in range(100)))

    assert len(rig.registry.of("PUT", faults.TAG)) == 1
    assert len({each.ref for each in built}) == 1


async def test_a_failure_reaches_all_who_ask_and_is_not_remembered() -> None:
    rig = faulty.Rig(faulty.Registry(faults.always("PUT", faults.TAG, faults.status(400))))

    results = await asyncio.gather(*(rig.make() for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in results} == {errors.Rejected}
    assert len(rig.registry.of("PUT", faults.TAG)) == 1

    rig.registry.fault = faulty.nothing_wrong
    assert not (await rig.make()).cache_hit


async def test_what_nobody_foresaw_is_a_refusal_too(caplog: pytest.LogCaptureFixture) -> None:
    def fault(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("nobody foresaw this")

    found = await faults.refusal(fault)

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


async def test_an_image_whose_order_can_have_no_tag_is_an_image(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tag = f"o-{'0' * 32}"
    registry = faulty.Registry(faults.always("PUT", f"/manifests/{tag}", faults.status(409)))
    rig = faulty.Rig(registry)
    image = await rig.make()
    await rig.builder.keep("team-a", (tag,), image)

    assert registry.of("PUT", tag)
    assert f"can't have the tag {tag}, which answers its order" in caplog.text
