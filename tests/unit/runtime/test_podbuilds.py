"""Builds in pods: one for equal orders, found again after a restart, told while they wait."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from tests import builders
from tests.unit.runtime import buildings, podbenches
from trainshed.api import labels
from trainshed.buildpod import words
from trainshed.builds import freshness
from trainshed.runtime import podbuilds


@pytest.mark.looptime
async def test_equal_orders_at_once_are_one_build() -> None:
    bench = podbenches.Bench()
    asked = [bench.begin(at=index / 50) for index in range(100)]
    await podbenches.settle()
    assert len(bench.api.made) == 1

    bench.ended()
    assert set(await asyncio.gather(*asked)) == {podbenches.IMAGE}


@pytest.mark.looptime
@pytest.mark.parametrize(("ref", "builds"), [("main", 2), (podbenches.COMMIT, 1)])
async def test_a_branch_is_looked_up_for_a_later_job_and_a_commit_is_not(
    ref: str, builds: int
) -> None:
    bench = podbenches.Bench()
    first = bench.begin(ref=ref)
    await podbenches.settle()
    bench.api.now = 60
    second = bench.begin(at=60, ref=ref)
    await podbenches.settle()
    assert len(bench.api.made) == builds

    for number in range(builds):
        bench.ended(number + 1)
    assert await first == await second == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_build_that_goes_on_is_found_again_after_a_restart() -> None:
    before = podbenches.Bench()
    lost = before.begin()
    await podbenches.settle()
    await before.builds.close()
    await asyncio.gather(lost, return_exceptions=True)

    after = podbenches.Bench(before.api, before.cache)
    asked = after.begin()
    await podbenches.settle()
    after.ended()
    assert await asked == podbenches.IMAGE
    assert len(after.api.made) == 1


@pytest.mark.looptime
async def test_an_image_is_known_once_its_pod_has_told_of_it_and_still_runs() -> None:
    bench = podbenches.Bench()
    asked = bench.begin(ref=podbenches.COMMIT)
    await podbenches.settle()
    bench.pod(1, builders.pod().running())
    (pod,) = bench.cache.builders(bench.first())

    assert bench.builds.hear(pod, words.built(podbenches.IMAGE))
    assert await asked == podbenches.IMAGE
    # Who asks for the same a moment later has it too: the pod says no more until it ends.
    assert await bench.begin(at=1, ref=podbenches.COMMIT) == podbenches.IMAGE
    assert len(bench.api.made) == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    "said",
    [
        words.refused("X", "wrong", terminal=True),
        "{}",
        "[" * 4000,
        words.built(dataclasses.replace(podbenches.IMAGE, seconds=-1.0)),
    ],
    ids=["a refusal", "nothing", "brackets", "an image that no status can hold"],
)
async def test_what_a_pod_that_runs_says_of_no_image_is_not_heard(said: str) -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().running())
    (pod,) = bench.cache.builders(bench.first())

    assert not bench.builds.hear(pod, said)
    await podbenches.settle()
    assert not asked.done()
    bench.ended()
    assert await asked == podbenches.IMAGE


@pytest.mark.looptime
async def test_no_pod_sends_a_job_to_anothers_image_by_what_it_says() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().running())
    (pod,) = bench.cache.builders(bench.first())

    elsewhere = dataclasses.replace(podbenches.IMAGE, ref="registry/ns/other@sha256:" + "a" * 64)
    bench.builds.hear(pod, words.built(elsewhere))
    await podbenches.settle()
    assert not asked.done()
    bench.ended()
    assert await asked == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_job_with_another_secret_has_a_build_of_its_own() -> None:
    bench = podbenches.Bench()
    bad, plain = bench.begin(push_secret="bad"), bench.begin()
    good = [bench.begin(push_secret="good", pull_secrets=("p",)) for _ in range(2)]
    await podbenches.settle()
    assert len(bench.api.made) == 3
    assert len({each["metadata"]["labels"][labels.BUILD] for each in bench.api.made}) == 3
    specs = [each["spec"]["template"]["spec"] for each in bench.api.made]
    assert [each["imagePullSecrets"] for each in specs] == [[], [], [{"name": "p"}]]

    bench.pod(1, builders.pod().exited(2, words.refused("X", "wrong", terminal=True)))
    bench.ended(2)
    bench.ended(3)
    with pytest.raises(podbuilds.Refused, match="wrong"):
        await bad
    assert {await plain, *await asyncio.gather(*good)} == {podbenches.IMAGE}


@pytest.mark.looptime
async def test_who_joins_a_build_late_is_told_that_it_waits() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().unschedulable())
    await podbenches.settle()
    assert len(bench.told) == 1

    late = bench.begin(at=1)
    await podbenches.settle()
    assert len(bench.told) == 2
    assert bench.told[0] == bench.told[1]
    bench.ended()
    assert await asked == await late == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_branchs_build_is_joined_for_3_seconds_and_no_longer() -> None:
    bench = podbenches.Bench()
    first = bench.begin()
    await podbenches.settle()
    # One that adopts it does not hold it open for others.
    adopted = bench.begin(at=3)
    await podbenches.settle()
    assert len(bench.api.made) == 1
    bench.api.now = 6
    own = bench.begin(at=6)
    await podbenches.settle()
    assert len(bench.api.made) == 2

    bench.ended(1)
    bench.ended(2)
    assert await first == await adopted == await own == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_pod_that_finds_no_node_says_so_while_its_build_goes_on() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().unschedulable())
    await podbenches.settle()
    assert "Insufficient cpu" in bench.said()[0]
    assert bench.told[0] is not None
    assert bench.told[0].reason == "BuildPodWaiting"

    bench.pod(1, builders.pod().version(2).running())
    await podbenches.settle()
    bench.ended()
    assert await asked == podbenches.IMAGE
    assert bench.said()[1:] == [""]


@pytest.mark.looptime
async def test_a_silent_pods_events_are_asked_for() -> None:
    bench = podbenches.Bench()
    bench.api.event = {"reason": "FailedMount", "message": 'secret "git-key" not found'}
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().on_node().waiting())
    await asyncio.sleep(60)
    assert len(bench.said()) == 1
    assert 'FailedMount: secret "git-key" not found' in bench.said()[0]

    bench.ended()
    assert await asked == podbenches.IMAGE


@pytest.mark.looptime
@pytest.mark.parametrize(("ref", "builds"), [("main", 1), (podbenches.COMMIT, 0)])
async def test_a_commit_that_was_built_once_needs_no_pod(ref: str, builds: int) -> None:
    wanted = podbenches.order(ref).pod
    assert wanted is not None
    bench = podbenches.Bench(answers=buildings.Answers({f"o-{wanted.hash()}": podbenches.IMAGE}))
    asked = bench.begin(ref=ref)
    await podbenches.settle()
    assert len(bench.api.made) == builds
    if builds:
        bench.ended()
    assert await asked == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_pod_that_was_taken_away_is_not_said_to_wait() -> None:
    bench = podbenches.Bench()
    bench.api.event = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().on_node().evicted())
    await asyncio.sleep(10)
    assert bench.told == []
    bench.ended()
    assert await asked == podbenches.IMAGE


@pytest.mark.looptime
@pytest.mark.parametrize(("refresh", "builds"), [("daily", 1), ("never", 1), ("always", 2)])
async def test_a_branch_is_looked_up_as_often_as_the_job_says(refresh: str, builds: int) -> None:
    bench = podbenches.Bench()
    pod = dataclasses.replace(podbenches.order().pod, refresh=refresh)  # type: ignore[type-var]
    first = bench.begin(pod=pod)
    await podbenches.settle()
    bench.api.now = 60
    second = bench.begin(at=60, pod=pod)
    await podbenches.settle()
    assert len(bench.api.made) == builds

    for number in range(builds):
        bench.ended(number + 1)
    assert await first == await second == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_branch_that_was_looked_up_today_needs_no_pod() -> None:
    pod = dataclasses.replace(podbenches.order().pod, refresh="daily")  # type: ignore[type-var]
    tag = freshness.tag(pod, now=builders.T0)
    assert tag is not None
    bench = podbenches.Bench(answers=buildings.Answers({tag: podbenches.IMAGE}))

    assert await bench.begin(pod=pod) == podbenches.IMAGE
    assert bench.api.made == []


@pytest.mark.looptime
async def test_a_build_that_kueue_holds_says_so_and_goes_on_by_itself() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()

    bench.hold(1)
    await podbenches.settle()

    (told,) = bench.said()
    assert "manageJobsWithoutQueueName" in told
    bench.ended()
    assert await asked == podbenches.IMAGE
