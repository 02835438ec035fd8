"""Builds in pods, an API server that makes their Jobs, and a watch that tests speak for."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from tests import builders, facts
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
    """Return an order of a git ref."""
    git = orders.Git("https://git.example/a.git", ref, ".", submodules=False, secret="")
    wanted = facts.pod_order(git=git)
    return plan.BuildOrder(base=builders.BASE, entrypoint=("x",), pod=wanted)


class Api:
    """An API server that makes Jobs; what happens to their pods is the test's affair."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.error: errors.ApiError | None = None
        self.events_error: errors.ApiError | None = None
        self.event: dict[str, Any] | None = None
        self.asked: list[plan.Inquiry] = []
        self.labels: dict[str, str] = {}
        self.namespace_error: errors.ApiError | None = None
        self.namespaces_read = 0
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

    async def newest_event(self, namespace: str, target: plan.Inquiry) -> Any:
        """Return the newest Warning event."""
        self.asked.append(target)
        if self.events_error is not None:
            raise self.events_error
        return self.event

    async def namespace(self, name: str) -> Any:
        """Return a namespace with the labels that a test gave it."""
        self.namespaces_read += 1
        if self.namespace_error is not None:
            raise self.namespace_error
        return {"metadata": {"name": name, "labels": self.labels}}


class Bench:
    """What follows builds, a cache, and an API server."""

    def __init__(
        self,
        api: Api | None = None,
        cache: caches.Cache | None = None,
        answers: podbuilds.Answers | None = None,
        prepull: podbuilds.Prepull = podbuilds.no_prepull,
    ) -> None:
        self.api = api or Api()
        self.cache = cache or caches.Cache()
        self.told: list[observed.Refusal | None] = []
        self.builds = buildings.following(
            self.cache,
            self.api,  # type: ignore[arg-type]
            answers=answers,
            prepull=prepull,
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

    def first(self) -> observed.JobView:
        """Return the first build's Job."""
        marks = self.api.made[0]["metadata"]["labels"]
        return self.cache.builds(builders.NAMESPACE, marks[labels.BUILD])[0]

    def job(self, number: int, builder: builders.JobBuilder) -> None:
        """Let the watch tell of the Job of a build, as a builder has its status."""
        body = {**self.api.made[number - 1], "status": builder.build()["status"]}
        body["metadata"] = {**body["metadata"], "resourceVersion": "20"}
        view = observe.job(body)
        self.cache.put_workload(view)
        self.builds.changed(builders.NAMESPACE, view.build)

    def hold(self, number: int) -> None:
        """Let the Job of a build be suspended, by somebody else."""
        body = dict(self.api.made[number - 1])
        body["spec"] = {**body["spec"], "suspend": True}
        body["metadata"] = {**body["metadata"], "resourceVersion": "20"}
        view = observe.job(body)
        self.cache.put_workload(view)
        self.builds.changed(builders.NAMESPACE, view.build)

    def ended(self, number: int = 1) -> None:
        """Let the pod of a build have ended with the image."""
        self.pod(number, builders.pod().version(9).exited(0, words.built(IMAGE)))


async def settle() -> None:
    """Let all that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)
