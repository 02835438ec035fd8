"""Builds: one a job at a time, and each with an end."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from tests import builders, facts
from tests.unit.runtime import buildings
from trainshed.builds import embedding
from trainshed.core import configmaps, observed
from trainshed.kube import errors
from trainshed.registry import errors as registry_errors
from trainshed.runtime import reading

BEGUN = observed.BuildView(base=buildings.ORDER.base)
BUILT = dataclasses.replace(facts.built(), base=buildings.ORDER.base)


@pytest.mark.looptime
async def test_a_quick_build_ends_within_the_pass() -> None:
    bench = buildings.Bench(buildings.Maker())

    assert await bench.builds.run(bench.job, buildings.ORDER)

    assert bench.cache.build(buildings.UID) == BUILT
    assert bench.counted == ["built"]


@pytest.mark.looptime
async def test_a_reason_that_is_none_of_ours_becomes_no_series_of_its_own() -> None:
    class Told(registry_errors.RegistryError):
        reason = "WhatATenantLikes"

    bench = buildings.Bench(buildings.Maker(error=Told("no")))

    await bench.builds.run(bench.job, buildings.ORDER)

    assert bench.refusal().reason == "WhatATenantLikes"
    assert bench.counted == ["other"]


MOUNTED = dataclasses.replace(buildings.ORDER, mounted=True, nodes="disk=fast")


@pytest.mark.looptime
async def test_what_no_node_can_mount_is_refused_before_anything_is_built() -> None:
    maker = buildings.Maker()
    refusal = facts.refused("DeliveryUnsupported", "no", terminal=True)
    bench = buildings.Bench(maker, unable=refusal)

    await bench.builds.run(bench.job, MOUNTED)

    assert (bench.refusal().reason, bench.refusal().terminal) == ("DeliveryUnsupported", True)
    assert bench.mounts.asked == ["disk=fast"]
    assert maker.files == []
    assert bench.counted == ["DeliveryUnsupported"]


@pytest.mark.looptime
async def test_nodes_are_asked_of_no_image_that_is_not_mounted() -> None:
    bench = buildings.Bench(buildings.Maker())
    await bench.builds.run(bench.job, buildings.ORDER)
    assert bench.mounts.asked == []

    await bench.builds.run(bench.job, MOUNTED)
    assert bench.mounts.asked == ["disk=fast"]
    assert bench.cache.build(buildings.UID) == BUILT


@pytest.mark.looptime
async def test_a_slow_build_wakes_its_job_at_its_end() -> None:
    bench = buildings.Bench(buildings.Maker(seconds=3.0))

    assert not await bench.builds.run(bench.job, buildings.ORDER)
    assert bench.cache.build(buildings.UID) == BEGUN
    assert bench.woken == []

    await asyncio.sleep(3.0)
    assert bench.woken == [buildings.KEY]
    assert bench.cache.build(buildings.UID) == BUILT


@pytest.mark.looptime
async def test_a_build_that_runs_is_not_begun_again() -> None:
    maker = buildings.Maker(seconds=3.0)
    bench = buildings.Bench(maker)

    await bench.builds.run(bench.job, buildings.ORDER)
    await bench.builds.run(bench.job, buildings.ORDER)
    await asyncio.sleep(3.0)

    assert len(maker.files) == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "reason", "terminal"),
    [
        (registry_errors.Unavailable("it is down"), "RegistryUnavailable", False),
        (registry_errors.Unauthorized("wrong password"), "RegistryUnauthorized", False),
        (registry_errors.BaseUnsupported("no such base"), "BaseImageUnsupported", True),
    ],
    ids=["down", "wrong credentials", "an unusable base"],
)
async def test_a_registrys_refusal_is_kept_with_its_next_try(
    error: Exception, reason: str, terminal: bool
) -> None:
    bench = buildings.Bench(buildings.Maker(error=error))

    await bench.builds.run(bench.job, buildings.ORDER)

    refusal = bench.refusal()
    assert (refusal.reason, refusal.message, refusal.terminal) == (reason, str(error), terminal)
    assert refusal.retry_at == builders.T0 + 2
    assert bench.counted == [reason]


@pytest.mark.looptime
async def test_a_refusal_stays_while_the_next_try_runs() -> None:
    maker = buildings.Maker(error=registry_errors.Unavailable("it is down"))
    bench = buildings.Bench(maker)
    await bench.builds.run(bench.job, buildings.ORDER)
    maker.seconds = 3.0

    await bench.builds.run(bench.job, buildings.ORDER)

    assert bench.refusal().reason == "RegistryUnavailable"
    await bench.builds.close()


@pytest.mark.looptime
async def test_a_config_map_becomes_files() -> None:
    maker = buildings.Maker()
    bench = buildings.Bench(maker)

    await bench.builds.run(bench.job, buildings.FROM_MAP)

    assert maker.files == [{"train.py": b"print('hello')"}]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("body", "reason", "advice"),
    [
        ({"data": {"main.py": ""}}, "EntryPointNotFound", "source.entrypoint"),
        ({}, "SourceInvalid", "put the code into it"),
        ({"binaryData": {"train.py": "%%%"}}, "SourceInvalid", "mend the ConfigMap"),
    ],
    ids=["without the entry point", "empty", "not base64"],
)
async def test_a_config_map_that_cant_be_used_ends_the_job(
    monkeypatch: pytest.MonkeyPatch, body: dict[str, object], reason: str, advice: str
) -> None:
    bench = buildings.Bench(buildings.Maker())

    async def answer(namespace: str, name: str) -> dict[str, object]:
        return body

    monkeypatch.setattr(bench.world, "config_map", answer)
    await bench.builds.run(bench.job, buildings.FROM_MAP)

    assert bench.refusal().reason == reason
    assert bench.refusal().terminal
    assert advice in bench.refusal().message


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "reason", "advice"),
    [
        (errors.NotFound("no such ConfigMap"), "SourceNotFound", "create it"),
        (errors.Unavailable("no answer"), "SourceUnreadable", "no answer: it is tried again"),
        (errors.Forbidden("not allowed"), "SourceUnreadable", "the operator's role"),
    ],
    ids=["missing", "no answer", "forbidden"],
)
async def test_a_config_map_that_is_not_there_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, error: errors.ApiError, reason: str, advice: str
) -> None:
    bench = buildings.Bench(buildings.Maker())

    async def refuse(namespace: str, name: str) -> None:
        raise error

    monkeypatch.setattr(bench.world, "config_map", refuse)
    await bench.builds.run(bench.job, buildings.FROM_MAP)

    assert bench.refusal().reason == reason
    assert advice in bench.refusal().message
    assert not bench.refusal().terminal


def test_binary_keys_are_files_too() -> None:
    body = {"data": {"a.py": "x"}, "binaryData": {"b.bin": "AAE="}}

    assert configmaps.files(body) == {"a.py": b"x", "b.bin": b"\x00\x01"}


@pytest.mark.looptime
async def test_the_build_of_a_job_that_is_gone_is_kept_for_nobody() -> None:
    bench = buildings.Bench(buildings.Maker(seconds=3.0))
    await bench.builds.run(bench.job, buildings.ORDER)

    bench.cache.drop_job(buildings.KEY, buildings.UID)
    await asyncio.sleep(3.0)

    assert bench.cache.build(buildings.UID) is None
    assert bench.woken == []


@pytest.mark.looptime
async def test_closing_ends_the_builds() -> None:
    maker = buildings.Maker(seconds=60.0)
    bench = buildings.Bench(maker)
    await bench.builds.run(bench.job, buildings.ORDER)

    await bench.builds.close()

    assert maker.busy == 0
    assert bench.woken == []


@pytest.mark.looptime
async def test_a_build_that_crashes_is_a_refusal() -> None:
    bench = buildings.Bench(buildings.Maker(error=RuntimeError("a bug")))

    await bench.builds.run(bench.job, buildings.ORDER)

    assert not bench.refusal().terminal
    assert bench.woken == [buildings.KEY]


@pytest.mark.looptime
async def test_a_build_that_hangs_is_ended() -> None:
    bench = buildings.Bench(buildings.Maker(seconds=1e6))
    await bench.builds.run(bench.job, buildings.ORDER)

    await asyncio.sleep(901.0)
    hangs = bench.cache.build(buildings.UID) == BEGUN
    await bench.builds.close()

    assert not hangs
    assert (bench.refusal().reason, bench.refusal().terminal) == ("BuildTimedOut", False)


def test_a_pod_is_given_the_files_that_the_operator_has_read() -> None:
    order = dataclasses.replace(buildings.FROM_MAP, pod=facts.pod_order())

    given = reading.with_files(order, {"train.py": b"1"}).pod

    assert given is not None
    assert embedding.unpack(given.files) == {"train.py": b"1"}
    assert given.hash() != facts.pod_order().hash()


@pytest.mark.looptime
async def test_a_build_has_the_seconds_that_its_order_gives_it() -> None:
    bench = buildings.Bench(buildings.Maker(seconds=1e6))
    await bench.builds.run(bench.job, dataclasses.replace(buildings.ORDER, seconds=30.0))

    await asyncio.sleep(27.0)
    assert bench.cache.build(buildings.UID) == BEGUN
    await asyncio.sleep(2.0)

    assert bench.refusal().reason == "BuildTimedOut"
    assert bench.refusal().message.startswith("the build did not end within 30 s")


@pytest.mark.looptime
async def test_what_is_made_anew_is_not_taken_for_what_was_there() -> None:
    bench = buildings.Bench(buildings.Maker(seconds=3.0))
    await bench.builds.run(bench.job, buildings.ORDER)
    await asyncio.sleep(3.0)
    assert bench.cache.build(buildings.UID) == BUILT

    await bench.builds.run(bench.job, dataclasses.replace(buildings.ORDER, forced=1.0))
    assert bench.cache.build(buildings.UID) == dataclasses.replace(BEGUN, forced=True)
    await asyncio.sleep(3.0)

    assert bench.cache.build(buildings.UID) == dataclasses.replace(BUILT, forced=True)


@pytest.mark.looptime
async def test_the_work_of_a_build_is_counted_by_who_did_it_and_a_hit_by_each_job() -> None:
    image = facts.built().image
    assert image is not None
    done = dataclasses.replace(image, phases={"push": 1.0})
    found = dataclasses.replace(image, cache_hit=True, uploaded_bytes=0, hits=("image",))
    maker = buildings.Maker()
    bench = buildings.Bench(maker)
    for each in (done, found):
        maker.image = each
        await bench.builds.run(bench.job, buildings.ORDER)

    assert bench.worked == [({"push": 1.0}, 1000)]
    assert bench.hits == ["image"]
    assert bench.counted == ["built", "found"]


@pytest.mark.looptime
async def test_what_is_built_on_a_base_says_so_whatever_was_asked_for_meanwhile() -> None:
    bench = buildings.Bench(buildings.Maker(seconds=3.0))
    other = dataclasses.replace(buildings.ORDER, base="registry.example/other:1")
    await bench.builds.run(bench.job, buildings.ORDER)

    await bench.builds.run(bench.job, other)
    first = bench.cache.build(buildings.UID)
    await bench.builds.run(bench.job, other)
    await asyncio.sleep(3.0)

    assert first == BUILT
    assert bench.cache.build(buildings.UID) == dataclasses.replace(facts.built(), base=other.base)
