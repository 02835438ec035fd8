"""Builds in pods: one for equal orders, found again after a restart, told as they end."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from tests import builders
from tests.unit.runtime import buildings
from trainshed.api import labels
from trainshed.buildpod import words
from trainshed.builds import orders
from trainshed.core import observe, observed, plan
from trainshed.kube import errors
from trainshed.runtime import cache as caches
from trainshed.runtime import podbuilds

COMMIT = "c" * 40
IMAGE = observed.BuiltImage(
    f"registry/ns/{builders.NAMESPACE}@sha256:" + "a" * 64,
    "b-" + "d" * 32,
    "sha256:" + "b" * 64,
    False,
    1.0,
    10,
    COMMIT,
)


def order(ref: str = "main") -> plan.BuildOrder:
    git = orders.Git("https://git.example/a.git", ref, ".", submodules=False, secret="")
    wanted = orders.Order(builders.BASE, git, (), 1 << 20, ("x",), ("python", "x"), "zstd")
    return plan.BuildOrder(base=builders.BASE, entrypoint=("x",), pod=wanted)


class Api:
    """An API server that makes Jobs; what happens to their pods is the test's affair."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.error: errors.ApiError | None = None
        self.events_error: errors.ApiError | None = None
        self.event: dict[str, Any] | None = None
        self.now = 0.0

    async def create_job(self, manifest: plan.Manifest) -> dict[str, Any]:
        """Create a Job."""
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        number = len(self.made) + 1
        name = f"{manifest['metadata']['generateName']}{number}"
        meta = {
            **manifest["metadata"],
            "name": name,
            "uid": f"build-uid-{number}",
            "resourceVersion": str(number),
            "creationTimestamp": builders.at(self.now),
        }
        self.made.append({**manifest, "metadata": meta})
        return self.made[-1]

    async def newest_warning(self, namespace: str, target: plan.Inquiry) -> Any:
        """Return the newest Warning event."""
        if self.events_error is not None:
            raise self.events_error
        return self.event


class Bench:
    """What follows builds, a cache, and an API server."""

    def __init__(
        self,
        api: Api | None = None,
        cache: caches.Cache | None = None,
        answers: podbuilds.Answers | None = None,
    ) -> None:
        self.api = api or Api()
        self.cache = cache or caches.Cache()
        self.told: list[observed.Refusal | None] = []
        self.builds = buildings.following(
            self.cache,
            self.api,  # type: ignore[arg-type]
            answers=answers,
            clock=lambda: builders.T0 + asyncio.get_running_loop().time(),
        )

    def begin(
        self, at: float = 0.0, ref: str = "main", **secrets: Any
    ) -> asyncio.Task[observed.BuiltImage]:
        """Ask for the image of a job that was created so many seconds after T0."""
        job = dataclasses.replace(
            builders.training_job().git("https://git.example/a.git").view(),
            created=builders.T0 + at,
        )
        asked = dataclasses.replace(order(ref), **secrets)
        return asyncio.create_task(self.builds.make(job, asked, self.told.append))

    def said(self) -> list[str]:
        """Return what was told of the pod; empty: it waits no more."""
        return [each.message if each else "" for each in self.told]

    def pod(self, number: int, builder: builders.PodBuilder) -> None:
        """Let the watch tell of the pod of the build of a number."""
        body = builder.index(number).owned_by(f"build-uid-{number}").build()
        marks = self.api.made[number - 1]["metadata"]["labels"]
        body["metadata"]["labels"] = dict(marks)
        for status in body["status"].get("containerStatuses", ()):
            status["name"] = labels.BUILDER
        self.cache.put_pod(observe.pod(body))
        self.builds.changed(builders.NAMESPACE, marks[labels.BUILD])

    def job(self, number: int, builder: builders.JobBuilder) -> None:
        """Let the watch tell of the Job of a build, as a builder has its status."""
        body = {**self.api.made[number - 1], "status": builder.build()["status"]}
        body["metadata"] = {**body["metadata"], "resourceVersion": "20"}
        view = observe.job(body)
        self.cache.put_workload(view)
        self.builds.changed(builders.NAMESPACE, view.build)

    def ended(self, number: int = 1) -> None:
        """Let the pod of a build have ended with the image."""
        self.pod(number, builders.pod().version(9).exited(0, words.built(IMAGE)))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.looptime
async def test_equal_orders_at_once_are_one_build() -> None:
    bench = Bench()
    asked = [bench.begin(at=index / 50) for index in range(100)]
    await settle()
    assert len(bench.api.made) == 1

    bench.ended()
    assert set(await asyncio.gather(*asked)) == {IMAGE}


@pytest.mark.looptime
@pytest.mark.parametrize(("ref", "builds"), [("main", 2), (COMMIT, 1)])
async def test_a_branch_is_looked_up_for_a_later_job_and_a_commit_is_not(
    ref: str, builds: int
) -> None:
    bench = Bench()
    first = bench.begin(ref=ref)
    await settle()
    bench.api.now = 60
    second = bench.begin(at=60, ref=ref)
    await settle()
    assert len(bench.api.made) == builds

    for number in range(builds):
        bench.ended(number + 1)
    assert await first == await second == IMAGE


@pytest.mark.looptime
async def test_a_build_that_goes_on_is_found_again_after_a_restart() -> None:
    before = Bench()
    lost = before.begin()
    await settle()
    await before.builds.close()
    await asyncio.gather(lost, return_exceptions=True)

    after = Bench(before.api, before.cache)
    asked = after.begin()
    await settle()
    after.ended()
    assert await asked == IMAGE
    assert len(after.api.made) == 1


@pytest.mark.looptime
async def test_a_refusal_reaches_every_asker() -> None:
    bench = Bench()
    asked = [bench.begin(), bench.begin()]
    await settle()
    said = words.refused("SourceRefNotFound", "push it", terminal=True)
    bench.pod(1, builders.pod().exited(2, said))
    for each in asked:
        with pytest.raises(podbuilds.Refused, match="push it"):
            await each


@pytest.mark.looptime
async def test_a_build_that_is_deleted_is_begun_again() -> None:
    bench = Bench()
    asked = bench.begin()
    await settle()
    gone = bench.cache.builds(builders.NAMESPACE, order().pod.hash())[0]  # type: ignore[union-attr]
    bench.cache.drop_workload(gone)
    bench.builds.changed(builders.NAMESPACE, gone.build)
    with pytest.raises(podbuilds.Refused) as caught:
        await asked
    assert (caught.value.refusal.reason, caught.value.refusal.terminal) == (
        "BuildInterrupted",
        False,
    )

    again = bench.begin()
    await settle()
    bench.ended(2)
    assert await again == IMAGE


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
    bench = Bench()
    bench.api.error = error
    with pytest.raises(podbuilds.Refused, match=f"{error.message}.*{advice}") as caught:
        await bench.begin()
    refusal = caught.value.refusal
    assert (refusal.reason, refusal.terminal) == ("BuildRejected", terminal)
    assert ("tried again" in refusal.message) is not terminal


@pytest.mark.looptime
async def test_an_order_that_is_too_large_is_refused_before_there_is_a_job() -> None:
    bench = Bench()
    pod = order().pod
    assert pod is not None
    large = dataclasses.replace(pod, source_entrypoint=("x" * (256 << 10),))
    with pytest.raises(podbuilds.Refused, match=r"shorten source\.entrypoint") as caught:
        await bench.begin(pod=large)
    refusal = caught.value.refusal
    assert (refusal.reason, refusal.terminal) == ("BuildRejected", True)
    assert not bench.api.made


@pytest.mark.looptime
async def test_events_that_can_not_be_read_end_no_build() -> None:
    bench = Bench()
    bench.api.events_error = errors.Forbidden("events are not yours", status=403)
    asked = bench.begin()
    await settle()
    bench.pod(1, builders.pod().on_node().waiting())
    await asyncio.sleep(10)
    bench.ended()
    assert await asked == IMAGE
    assert bench.told == []


@pytest.mark.looptime
async def test_a_job_that_ends_before_its_pod_is_waited_for() -> None:
    bench = Bench()
    asked = bench.begin()
    await settle()
    bench.pod(1, builders.pod().running())
    bench.job(1, builders.job().complete(1))
    await asyncio.sleep(60)
    later = bench.begin()
    await settle()
    assert len(bench.api.made) == 1

    bench.ended()
    assert await asked == await later == IMAGE


@pytest.mark.looptime
async def test_a_job_that_ended_without_a_pod_is_told_after_a_while() -> None:
    bench = Bench()
    asked = bench.begin()
    await settle()
    bench.job(1, builders.job().failed(0))
    await asyncio.sleep(5)
    assert not asked.done()
    with pytest.raises(podbuilds.Refused, match="without a pod"):
        await asyncio.wait_for(asked, 10)


@pytest.mark.looptime
async def test_a_build_that_ended_without_an_image_is_not_followed_again() -> None:
    bench = Bench()
    asked = bench.begin()
    await settle()
    bench.job(1, builders.job().complete(0))
    bench.pod(1, builders.pod().exited(0, "no words of ours"))
    with pytest.raises(podbuilds.Refused):
        await asked

    again = bench.begin()
    await settle()
    bench.ended(2)
    assert await again == IMAGE


@pytest.mark.looptime
async def test_a_job_with_another_secret_has_a_build_of_its_own() -> None:
    bench = Bench()
    bad, plain = bench.begin(push_secret="bad"), bench.begin()
    good = [bench.begin(push_secret="good", pull_secrets=("p",)) for _ in range(2)]
    await settle()
    assert len(bench.api.made) == 3
    assert len({each["metadata"]["labels"][labels.BUILD] for each in bench.api.made}) == 3
    specs = [each["spec"]["template"]["spec"] for each in bench.api.made]
    assert [each["imagePullSecrets"] for each in specs] == [[], [], [{"name": "p"}]]

    bench.pod(1, builders.pod().exited(2, words.refused("X", "wrong", terminal=True)))
    bench.ended(2)
    bench.ended(3)
    with pytest.raises(podbuilds.Refused, match="wrong"):
        await bad
    assert {await plain, *await asyncio.gather(*good)} == {IMAGE}


@pytest.mark.looptime
async def test_who_joins_a_build_late_is_told_that_it_waits() -> None:
    bench = Bench()
    asked = bench.begin()
    await settle()
    bench.pod(1, builders.pod().unschedulable())
    await settle()
    assert len(bench.told) == 1

    late = bench.begin(at=1)
    await settle()
    assert len(bench.told) == 2
    assert bench.told[0] == bench.told[1]
    bench.ended()
    assert await asked == await late == IMAGE


@pytest.mark.looptime
async def test_a_branchs_build_is_joined_for_3_seconds_and_no_longer() -> None:
    bench = Bench()
    first = bench.begin()
    await settle()
    # One that adopts it does not hold it open for others.
    adopted = bench.begin(at=3)
    await settle()
    assert len(bench.api.made) == 1
    bench.api.now = 6
    own = bench.begin(at=6)
    await settle()
    assert len(bench.api.made) == 2

    bench.ended(1)
    bench.ended(2)
    assert await first == await adopted == await own == IMAGE


@pytest.mark.looptime
async def test_a_pod_that_finds_no_node_says_so_while_its_build_goes_on() -> None:
    bench = Bench()
    asked = bench.begin()
    await settle()
    bench.pod(1, builders.pod().unschedulable())
    await settle()
    assert "Insufficient cpu" in bench.said()[0]
    assert bench.told[0] is not None
    assert bench.told[0].reason == "BuildPodWaiting"

    bench.pod(1, builders.pod().version(2).running())
    await settle()
    bench.ended()
    assert await asked == IMAGE
    assert bench.said()[1:] == [""]


@pytest.mark.looptime
async def test_a_silent_pods_events_are_asked_for() -> None:
    bench = Bench()
    bench.api.event = {"reason": "FailedMount", "message": 'secret "git-key" not found'}
    asked = bench.begin()
    await settle()
    bench.pod(1, builders.pod().on_node().waiting())
    await asyncio.sleep(60)
    assert len(bench.said()) == 1
    assert 'FailedMount: secret "git-key" not found' in bench.said()[0]

    bench.ended()
    assert await asked == IMAGE


@pytest.mark.looptime
@pytest.mark.parametrize(("ref", "builds"), [("main", 1), (COMMIT, 0)])
async def test_a_commit_that_was_built_once_needs_no_pod(ref: str, builds: int) -> None:
    wanted = order(ref).pod
    assert wanted is not None
    bench = Bench(answers=buildings.Answers({wanted.hash(): IMAGE}))
    asked = bench.begin(ref=ref)
    await settle()
    assert len(bench.api.made) == builds
    if builds:
        bench.ended()
    assert await asked == IMAGE
