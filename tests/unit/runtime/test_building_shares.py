"""Builds at once: how many there are, and whose."""

from __future__ import annotations

import asyncio

import pytest

from tests import builders
from tests.unit.runtime import buildings


async def begin(bench: buildings.Bench, namespace: str, number: int) -> list[bool]:
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
    return list(await asyncio.gather(*(bench.builds.run(view, buildings.ORDER) for view in views)))


@pytest.mark.looptime
async def test_only_so_many_builds_run_at_once() -> None:
    maker = buildings.Maker(seconds=1.0)
    bench = buildings.Bench(maker, parallel=2)
    await asyncio.gather(*(begin(bench, f"team-{each}", 2) for each in range(3)))

    await asyncio.sleep(5.0)

    assert maker.busiest == 2
    assert len(bench.woken) == 6


@pytest.mark.looptime
@pytest.mark.parametrize(("parallel", "share"), [(16, 8), (5, 2), (1, 1)])
async def test_one_namespace_has_half_of_the_builds_at_most(parallel: int, share: int) -> None:
    maker = buildings.Maker(seconds=60.0)
    bench = buildings.Bench(maker, parallel=parallel)

    await begin(bench, "team-a", 2 * parallel)

    assert maker.busiest == share
    await bench.builds.close()


@pytest.mark.looptime
async def test_one_namespaces_slow_builds_keep_no_others_waiting() -> None:
    maker = buildings.Maker(seconds=600.0)
    bench = buildings.Bench(maker, parallel=4)
    await begin(bench, "team-a", 40)

    maker.seconds = 0.0

    assert await begin(bench, "team-b", 10) == [True] * 10
    await bench.builds.close()


@pytest.mark.looptime
async def test_a_namespaces_builds_go_on_as_its_earlier_ones_end() -> None:
    maker = buildings.Maker(seconds=1.0)
    bench = buildings.Bench(maker, parallel=4)
    await begin(bench, "team-a", 6)

    await asyncio.sleep(5.0)

    assert (maker.busiest, len(maker.files)) == (2, 6)


@pytest.mark.looptime
async def test_builds_that_wait_end_too_when_the_process_does() -> None:
    maker = buildings.Maker(seconds=600.0)
    bench = buildings.Bench(maker, parallel=2)
    await begin(bench, "team-a", 3)

    await bench.builds.close()

    maker.seconds = 0.0
    assert await begin(bench, "team-a", 3) == [True] * 3, "every slot is free again"
