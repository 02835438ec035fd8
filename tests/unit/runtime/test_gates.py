"""Whose Dockerfiles are built: a namespace's label decides, read at need and remembered shortly."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from tests import builders
from tests.unit.runtime import buildings, podbenches
from trainshed.builds import dockerfiles
from trainshed.core import observed
from trainshed.kube import errors
from trainshed.runtime import gates, podbuilds

ALLOWED = {"trainshed.dev/dockerfile-builds": "true"}


class Now:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


def gate(api: podbenches.Api, clock: Now | None = None, *, available: bool = True) -> gates.Gate:
    return gates.Gate(api, available, clock=clock or Now())  # type: ignore[arg-type]


async def refused(found: gates.Gate) -> observed.Refusal:
    refusal = await found.refusal("team-a")
    assert refusal is not None
    return refusal


@pytest.mark.parametrize("marks", [{}, {"trainshed.dev/dockerfile-builds": "false"}, None])
async def test_a_namespace_without_the_label_is_told_of_it(marks: Any) -> None:
    api = podbenches.Api()
    api.labels = marks
    refusal = await refused(gate(api))
    assert (refusal.reason, refusal.terminal) == ("DockerfileNotAllowed", True)
    assert (
        "namespace team-a is not labelled trainshed.dev/dockerfile-builds: true" in refusal.message
    )


async def test_a_namespace_with_the_label_is_let_through() -> None:
    api = podbenches.Api()
    api.labels = ALLOWED
    assert await gate(api).refusal("team-a") is None


async def test_without_an_engine_no_namespace_is_read() -> None:
    api = podbenches.Api()
    refusal = await refused(gate(api, available=False))
    assert (refusal.reason, refusal.terminal) == ("StrategyUnavailable", True)
    assert "builder.dockerfile" in refusal.message
    assert api.namespaces_read == 0


async def test_a_label_is_remembered_for_a_moment_and_then_read_again() -> None:
    api, clock = podbenches.Api(), Now()
    found = gate(api, clock)
    assert [bool(await found.refusal("team-a")) for _ in range(3)] == [True] * 3
    assert api.namespaces_read == 1
    api.labels, clock.seconds = ALLOWED, gates.KNOWN_SECONDS
    assert await found.refusal("team-a") is None


async def test_a_label_that_cannot_be_read_is_asked_for_again() -> None:
    api = podbenches.Api()
    api.namespace_error = errors.Forbidden("may not get namespaces")
    found = gate(api)
    refusal = await refused(found)
    assert (refusal.reason, refusal.terminal) == ("DockerfileNotAllowed", False)
    assert "may not get namespaces" in refusal.message
    api.namespace_error, api.labels = None, ALLOWED
    assert await found.refusal("team-a") is None


def asked(bench: podbenches.Bench) -> asyncio.Task[observed.BuiltImage]:
    """Ask for the image of a Dockerfile."""
    order = podbenches.order()
    assert order.pod is not None
    pod = dataclasses.replace(order.pod, base="", dockerfile=dockerfiles.Dockerfile("Dockerfile"))
    job = builders.training_job().git("https://git.example/a.git").view()
    wanted = dataclasses.replace(order, pod=pod)
    return asyncio.create_task(bench.builds.make(job, wanted, bench.told.append))


@pytest.mark.looptime
async def test_no_pod_is_made_for_a_dockerfile_that_is_not_allowed() -> None:
    bench = podbenches.Bench()
    with pytest.raises(podbuilds.Refused, match="is not labelled"):
        await asked(bench)
    assert bench.api.made == []


@pytest.mark.looptime
async def test_a_dockerfile_that_is_allowed_is_built_by_the_engine_of_the_settings() -> None:
    bench = podbenches.Bench()
    bench.api.labels = ALLOWED
    build = asked(bench)
    await podbenches.settle()
    spec = bench.api.made[0]["spec"]["template"]["spec"]
    assert [each["image"] for each in spec["initContainers"]][1] == buildings.ENGINE.image
    bench.ended()
    assert await build == podbenches.IMAGE


@pytest.mark.looptime
async def test_a_pod_that_admission_refuses_is_told_by_the_jobs_event() -> None:
    bench = podbenches.Bench()
    bench.api.labels = ALLOWED
    words = 'pods "build-x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile'
    bench.api.event = {"reason": "FailedCreate", "message": f"Error creating: {words}"}
    build = asked(bench)
    await asyncio.sleep(4)
    (said,) = bench.said()
    assert "violates PodSecurity" in said
    assert "pod-security.kubernetes.io/enforce: privileged" in said
    assert [each.kind for each in bench.api.asked] == ["Job"]

    bench.pod(1, builders.pod().running())
    await podbenches.settle()
    assert bench.said()[1:] == [""]
    bench.ended()
    assert await build == podbenches.IMAGE
