"""Builds: one a job at a time, and each with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests import builders, facts
from tests.unit.runtime import world as worlds
from trainshed.core import observed, plan
from trainshed.kube import errors
from trainshed.registry import errors as registry_errors
from trainshed.runtime import building
from trainshed.runtime import cache as caches

KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)
UID = observed.Uid(builders.UID)
ORDER = plan.BuildOrder(base=builders.BASE, entrypoint=("x",))
FROM_MAP = plan.BuildOrder(
    base=builders.BASE,
    entrypoint=("x",),
    source_entrypoint=("python", "train.py"),
    config_map="code",
)


@dataclass
class Maker:
    """Makes images as it is told."""

    seconds: float = 0.0
    error: Exception | None = None
    files: list[Mapping[str, bytes]] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0

    async def make(
        self, namespace: str, order: plan.BuildOrder, files: Mapping[str, bytes]
    ) -> observed.BuiltImage:
        """Return an image after some seconds, or raise."""
        self.files.append(files)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.busy -= 1
        if self.error is not None:
            raise self.error
        image = facts.built().image
        assert image is not None
        return image


class Bench:
    """The builds of one job."""

    def __init__(self, maker: Maker, *, parallel: int = 16) -> None:
        self.world = worlds.World(clock=lambda: builders.T0, fate=worlds.Fate())
        self.cache = caches.Cache()
        self.job = builders.training_job().cnn().view()
        self.cache.put_job(self.job)
        self.woken: list[observed.JobKey] = []
        self.counted: list[str] = []
        self.builds = building.Builds(
            cache=self.cache,
            maker=maker,
            api=self.world,
            clock=self.world.clock,
            wake=self.woken.append,
            observe=lambda seconds, result: self.counted.append(result),
            parallel=parallel,
        )

    def refusal(self) -> observed.Refusal:
        """Return why there is no image."""
        view = self.cache.build(UID)
        assert view is not None
        assert view.refusal is not None
        return view.refusal


@pytest.mark.looptime
async def test_a_quick_build_ends_within_the_pass() -> None:
    bench = Bench(Maker())

    assert await bench.builds.run(bench.job, ORDER)

    assert bench.cache.build(UID) == facts.built()
    assert bench.counted == ["built"]


@pytest.mark.looptime
async def test_a_slow_build_wakes_its_job_at_its_end() -> None:
    bench = Bench(Maker(seconds=3.0))

    assert not await bench.builds.run(bench.job, ORDER)
    assert bench.cache.build(UID) == observed.BuildView()
    assert bench.woken == []

    await asyncio.sleep(3.0)
    assert bench.woken == [KEY]
    assert bench.cache.build(UID) == facts.built()


@pytest.mark.looptime
async def test_a_build_that_runs_is_not_begun_again() -> None:
    maker = Maker(seconds=3.0)
    bench = Bench(maker)

    await bench.builds.run(bench.job, ORDER)
    await bench.builds.run(bench.job, ORDER)
    await asyncio.sleep(3.0)

    assert len(maker.files) == 1


async def begin(bench: Bench, namespace: str, number: int) -> list[bool]:
    """Begin builds of a namespace at once; return which have ended within their pass."""
    views = [
        builders.training_job()
        .cnn()
        .named(f"job-{each}", namespace=namespace, uid=f"{namespace}-{each}")
        .view()
        for each in range(number)
    ]
    for view in views:
        bench.cache.put_job(view)
    return list(await asyncio.gather(*(bench.builds.run(view, ORDER) for view in views)))


@pytest.mark.looptime
async def test_only_so_many_builds_run_at_once() -> None:
    maker = Maker(seconds=1.0)
    bench = Bench(maker, parallel=2)
    await asyncio.gather(*(begin(bench, f"team-{each}", 2) for each in range(3)))

    await asyncio.sleep(5.0)

    assert maker.busiest == 2
    assert len(bench.woken) == 6


@pytest.mark.looptime
@pytest.mark.parametrize(("parallel", "share"), [(16, 8), (5, 2), (1, 1)])
async def test_one_namespace_has_half_of_the_builds_at_most(parallel: int, share: int) -> None:
    maker = Maker(seconds=60.0)
    bench = Bench(maker, parallel=parallel)

    await begin(bench, "team-a", 2 * parallel)

    assert maker.busiest == share
    await bench.builds.close()


@pytest.mark.looptime
async def test_one_namespaces_slow_builds_keep_no_others_waiting() -> None:
    maker = Maker(seconds=600.0)
    bench = Bench(maker, parallel=4)
    await begin(bench, "team-a", 40)

    maker.seconds = 0.0

    assert await begin(bench, "team-b", 10) == [True] * 10
    await bench.builds.close()


@pytest.mark.looptime
async def test_a_namespaces_builds_go_on_as_its_earlier_ones_end() -> None:
    maker = Maker(seconds=1.0)
    bench = Bench(maker, parallel=4)
    await begin(bench, "team-a", 6)

    await asyncio.sleep(5.0)

    assert (maker.busiest, len(maker.files)) == (2, 6)


@pytest.mark.looptime
async def test_builds_that_wait_end_too_when_the_process_does() -> None:
    maker = Maker(seconds=600.0)
    bench = Bench(maker, parallel=2)
    await begin(bench, "team-a", 3)

    await bench.builds.close()

    maker.seconds = 0.0
    assert await begin(bench, "team-a", 3) == [True] * 3, "every slot is free again"


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
    bench = Bench(Maker(error=error))

    await bench.builds.run(bench.job, ORDER)

    refusal = bench.refusal()
    assert (refusal.reason, refusal.message, refusal.terminal) == (reason, str(error), terminal)
    assert refusal.retry_at == builders.T0 + 2
    assert bench.counted == [reason]


@pytest.mark.looptime
async def test_a_refusal_stays_while_the_next_try_runs() -> None:
    maker = Maker(error=registry_errors.Unavailable("it is down"))
    bench = Bench(maker)
    await bench.builds.run(bench.job, ORDER)
    maker.seconds = 3.0

    await bench.builds.run(bench.job, ORDER)

    assert bench.refusal().reason == "RegistryUnavailable"
    await bench.builds.close()


@pytest.mark.looptime
async def test_a_config_map_becomes_files() -> None:
    maker = Maker()
    bench = Bench(maker)

    await bench.builds.run(bench.job, FROM_MAP)

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
    bench = Bench(Maker())

    async def answer(namespace: str, name: str) -> dict[str, object]:
        return body

    monkeypatch.setattr(bench.world, "config_map", answer)
    await bench.builds.run(bench.job, FROM_MAP)

    assert bench.refusal().reason == reason
    assert bench.refusal().terminal
    assert advice in bench.refusal().message


@pytest.mark.looptime
@pytest.mark.parametrize(
    "error",
    [errors.NotFound("no such ConfigMap"), errors.Unavailable("no answer")],
    ids=["missing", "unreadable"],
)
async def test_a_config_map_that_is_not_there_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, error: errors.ApiError
) -> None:
    bench = Bench(Maker())

    async def refuse(namespace: str, name: str) -> None:
        raise error

    monkeypatch.setattr(bench.world, "config_map", refuse)
    await bench.builds.run(bench.job, FROM_MAP)

    assert bench.refusal().reason == "SourceNotFound"
    assert not bench.refusal().terminal


def test_binary_keys_are_files_too() -> None:
    body = {"data": {"a.py": "x"}, "binaryData": {"b.bin": "AAE="}}

    assert building.config_map_files(body) == {"a.py": b"x", "b.bin": b"\x00\x01"}


@pytest.mark.looptime
async def test_the_build_of_a_job_that_is_gone_is_kept_for_nobody() -> None:
    bench = Bench(Maker(seconds=3.0))
    await bench.builds.run(bench.job, ORDER)

    bench.cache.drop_job(KEY, UID)
    await asyncio.sleep(3.0)

    assert bench.cache.build(UID) is None
    assert bench.woken == []


@pytest.mark.looptime
async def test_closing_ends_the_builds() -> None:
    maker = Maker(seconds=60.0)
    bench = Bench(maker)
    await bench.builds.run(bench.job, ORDER)

    await bench.builds.close()

    assert maker.busy == 0
    assert bench.woken == []


@pytest.mark.looptime
async def test_a_build_that_crashes_is_a_refusal() -> None:
    bench = Bench(Maker(error=RuntimeError("a bug")))

    await bench.builds.run(bench.job, ORDER)

    assert not bench.refusal().terminal
    assert bench.woken == [KEY]


@pytest.mark.looptime
async def test_a_build_that_hangs_is_ended() -> None:
    bench = Bench(Maker(seconds=1e6))
    await bench.builds.run(bench.job, ORDER)

    await asyncio.sleep(901.0)
    hangs = bench.cache.build(UID) == observed.BuildView()
    await bench.builds.close()

    assert not hangs
    assert not bench.refusal().terminal
