"""Builds in pods that give no image: refused, deleted, ended before their pods are known to be."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from tests import builders, facts
from tests.unit.runtime import podbenches
from trainshed.buildpod import words
from trainshed.kube import errors
from trainshed.runtime import podbuilds


@pytest.mark.looptime
async def test_a_refusal_reaches_every_asker() -> None:
    bench = podbenches.Bench()
    asked = [bench.begin(), bench.begin()]
    await podbenches.settle()
    said = words.refused("SourceRefNotFound", "push it", terminal=True)
    bench.pod(1, builders.pod().exited(2, said))
    for each in asked:
        with pytest.raises(podbuilds.Refused, match="push it"):
            await each


@pytest.mark.looptime
async def test_a_build_that_is_deleted_is_begun_again() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    gone = bench.cache.builds(builders.NAMESPACE, podbenches.order().pod.hash())[0]  # type: ignore[union-attr]
    bench.cache.drop_workload(gone)
    bench.builds.changed(builders.NAMESPACE, gone.build)
    with pytest.raises(podbuilds.Refused) as caught:
        await asked
    assert (caught.value.refusal.reason, caught.value.refusal.terminal) == (
        "BuildInterrupted",
        False,
    )

    again = bench.begin()
    await podbenches.settle()
    bench.ended(2)
    assert await again == podbenches.IMAGE


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("error", "advice", "terminal"),
    [
        (errors.Forbidden("exceeded quota: pods", status=403), "free quota", False),
        (errors.Invalid("bad name", status=422), "mend what it names", True),
        (errors.Unavailable("no answer"), "it is tried again", False),
        (errors.Throttled("too many", status=429), "it is tried again", False),
    ],
)
async def test_the_api_servers_refusal_is_told(
    error: errors.ApiError, advice: str, terminal: bool
) -> None:
    bench = podbenches.Bench()
    bench.api.error = error
    with pytest.raises(podbuilds.Refused, match=f"{error.message}.*{advice}") as caught:
        await bench.begin()
    refusal = caught.value.refusal
    assert (refusal.reason, refusal.terminal) == ("BuildRejected", terminal)
    assert ("tried again" in refusal.message) is not terminal


@pytest.mark.looptime
async def test_an_order_that_is_too_large_is_refused_before_there_is_a_job() -> None:
    bench = podbenches.Bench()
    pod = podbenches.order().pod
    assert pod is not None
    large = dataclasses.replace(pod, source_entrypoint=("x" * (256 << 10),))
    with pytest.raises(podbuilds.Refused, match=r"shorten source\.entrypoint") as caught:
        await bench.begin(pod=large)
    refusal = caught.value.refusal
    assert (refusal.reason, refusal.terminal) == ("BuildRejected", True)
    assert not bench.api.made


@pytest.mark.looptime
async def test_files_that_no_order_has_room_for_are_refused_with_a_way_out() -> None:
    bench = podbenches.Bench()
    with pytest.raises(podbuilds.Refused, match="put them into a git repository") as caught:
        await bench.begin(pod=facts.pod_order(files="x" * (256 << 10)))
    refusal = caught.value.refusal
    assert (refusal.reason, refusal.terminal) == ("SourceTooLarge", True)


@pytest.mark.looptime
async def test_events_that_can_not_be_read_end_no_build() -> None:
    bench = podbenches.Bench()
    bench.api.events_error = errors.Forbidden("events are not yours", status=403)
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().on_node().waiting())
    await asyncio.sleep(10)
    bench.ended()
    assert await asked == podbenches.IMAGE
    assert bench.told == []


@pytest.mark.looptime
async def test_a_job_that_ends_before_its_pod_is_waited_for() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.pod(1, builders.pod().running())
    bench.job(1, builders.job().complete(1))
    await asyncio.sleep(60)
    later = bench.begin()
    await podbenches.settle()
    assert len(bench.api.made) == 1

    bench.ended()
    assert await asked == await later == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_job_that_ended_without_a_pod_is_told_after_a_while() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.job(1, builders.job().failed(0))
    await asyncio.sleep(5)
    assert not asked.done()
    with pytest.raises(podbuilds.Refused, match="without a pod"):
        await asyncio.wait_for(asked, 10)


@pytest.mark.looptime
async def test_a_build_that_ended_without_an_image_is_not_followed_again() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    bench.job(1, builders.job().complete(0))
    bench.pod(1, builders.pod().exited(0, "no words of ours"))
    with pytest.raises(podbuilds.Refused):
        await asked

    again = bench.begin()
    await podbenches.settle()
    bench.ended(2)
    assert await again == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_build_out_of_time_keeps_the_words_of_a_pod_that_its_job_has_deleted() -> None:
    bench = podbenches.Bench()
    asked = bench.begin()
    await podbenches.settle()
    words_of_it = builders.pod().exited(137, "fetching\nreceiving objects: 12 %")
    bench.pod(1, words_of_it)
    await podbenches.settle()
    bench.cache.drop_pod(bench.cache.builders(bench.first())[0])
    bench.job(1, builders.job().failed(60).condition("Failed", "True", "DeadlineExceeded"))
    with pytest.raises(podbuilds.Refused) as caught:
        await asked

    refusal = caught.value.refusal
    assert (refusal.reason, refusal.terminal) == ("BuildTimedOut", False)
    assert refusal.log_tail == "fetching\nreceiving objects: 12 %"
    assert "last: receiving objects: 12 %" in refusal.message


@pytest.mark.looptime
async def test_a_build_pod_has_the_jobs_own_time() -> None:
    bench = podbenches.Bench()
    asked = [bench.begin(seconds=42.5), bench.begin(ref=podbenches.COMMIT)]
    await podbenches.settle()

    assert [each["spec"]["activeDeadlineSeconds"] for each in bench.api.made] == [42, 900]
    for number in (1, 2):
        bench.ended(number)
    await asyncio.gather(*asked)


@pytest.mark.looptime
async def test_a_rebuild_takes_no_image_that_was_there_before() -> None:
    bench = podbenches.Bench()
    first = bench.begin(ref=podbenches.COMMIT)
    await podbenches.settle()
    bench.job(1, builders.job().complete(5))
    bench.ended()
    assert await first == podbenches.IMAGE

    forced = dataclasses.replace(podbenches.order(podbenches.COMMIT).pod, force=True)  # type: ignore[type-var]
    healed = bench.begin(ref=podbenches.COMMIT, pod=forced, forced=builders.T0 + 60)
    also = bench.begin(at=30, ref=podbenches.COMMIT, pod=forced, forced=builders.T0 + 61)
    await podbenches.settle()
    assert len(bench.api.made) == 2, "one rebuild, shared by those who miss the image"

    bench.ended(2)
    assert await healed == await also == podbenches.IMAGE


@pytest.mark.looptime
async def test_an_image_is_taken_from_the_repository_that_was_ordered_alone() -> None:
    elsewhere = "other.example/team/images"
    wanted = podbenches.order()
    assert wanted.pod is not None
    ordered = dataclasses.replace(wanted.pod, repository=elsewhere)
    there = dataclasses.replace(podbenches.IMAGE, ref=f"{elsewhere}@sha256:{'a' * 64}")

    for image, taken in ((there, True), (podbenches.IMAGE, False)):
        bench = podbenches.Bench()
        asked = bench.begin(pod=ordered)
        await podbenches.settle()
        bench.pod(1, builders.pod().version(9).exited(0, words.built(image)))
        bench.job(1, builders.job().complete(1))
        if taken:
            assert await asked == image
        else:
            with pytest.raises(podbuilds.Refused, match="said nothing that we know"):
                await asked
