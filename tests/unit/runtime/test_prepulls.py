"""Bases that are pulled ahead: begun with a build, once, and never in anybody's way."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from tests import builders
from tests.unit.runtime import podbenches as benches
from trainshed.core import plan
from trainshed.kube import errors
from trainshed.runtime import prepulls

DIGEST = "sha256:" + "d" * 64
ORDER = plan.BuildOrder(
    base="registry.example:5000/own/base:1",
    entrypoint=("x",),
    placement={"nodeSelector": {"a": "b"}},
    pull_secrets=("regcred",),
)


class Api:
    """Takes Jobs, or does not."""

    def __init__(self, error: errors.ApiError | None = None) -> None:
        self.made: list[Any] = []
        self._error = error

    async def create_job(self, manifest: plan.Manifest) -> Any:
        """Create a Job."""
        self.made.append(manifest)
        if self._error is not None:
            raise self._error
        return manifest


def prepulled(api: Api, nodes: int = 2, pull_secret: str = "") -> prepulls.Prepulls:
    return prepulls.Prepulls(api, nodes=nodes, pull_secret=pull_secret)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("resolved", "pulled"),
    [
        (f"registry.example:5000/own/base@{DIGEST}", f"registry.example:5000/own/base@{DIGEST}"),
        ("registry.example:5000/own/base:1", "registry.example:5000/own/base:1"),
    ],
    ids=["by digest", "what only the pod can resolve"],
)
async def test_the_base_is_pulled_as_the_job_names_its_registry(resolved: str, pulled: str) -> None:
    api = Api()

    await prepulled(api).begin("team-a", ORDER, resolved)

    (job,) = api.made
    pod = job["spec"]["template"]["spec"]
    assert (job["metadata"]["namespace"], job["spec"]["completions"]) == ("team-a", 2)
    assert pod["containers"][0]["image"] == pulled
    assert pod["nodeSelector"] == {"a": "b"}
    assert pod["imagePullSecrets"] == [{"name": "regcred"}]


async def test_a_base_of_the_bundled_registry_is_pulled_by_the_namespaces_secret() -> None:
    api = Api()

    await prepulled(api, pull_secret="trainshed-registry").begin("team-a", ORDER, ORDER.base)

    (job,) = api.made
    secrets = job["spec"]["template"]["spec"]["imagePullSecrets"]
    assert secrets == [{"name": "regcred"}, {"name": "trainshed-registry"}]


async def test_for_a_dockerfile_nothing_is_pulled_ahead() -> None:
    api = Api()

    await prepulled(api).begin("team-a", dataclasses.replace(ORDER, base=""), "")

    assert api.made == []


async def test_nothing_is_pulled_ahead_unless_it_is_asked_for() -> None:
    api = Api()

    await prepulled(api, nodes=0).begin("team-a", ORDER, ORDER.base)

    assert api.made == []


@pytest.mark.parametrize(
    "error",
    [errors.AlreadyExists("exists"), errors.Forbidden("quota"), errors.Unavailable("down")],
)
async def test_a_pull_that_can_not_be_begun_is_no_failure(error: errors.ApiError) -> None:
    await prepulled(Api(error)).begin("team-a", ORDER, ORDER.base)


@pytest.mark.looptime
async def test_equal_jobs_have_their_base_pulled_once() -> None:
    asked: list[tuple[str, str]] = []

    async def prepull(namespace: str, order: plan.BuildOrder, base: str) -> None:
        asked.append((namespace, base))

    bench = benches.Bench(prepull=prepull)
    waiting = [bench.begin(), bench.begin(0.5)]
    await asyncio.sleep(1.0)
    bench.ended()
    await asyncio.gather(*waiting)

    assert asked == [(builders.NAMESPACE, builders.BASE)]


@pytest.mark.looptime
async def test_a_build_that_is_refused_has_nothing_pulled() -> None:
    asked: list[str] = []

    async def prepull(namespace: str, order: plan.BuildOrder, base: str) -> None:
        asked.append(base)

    api = benches.Api()
    api.error = errors.Forbidden("quota")
    task = benches.Bench(api, prepull=prepull).begin()

    with pytest.raises(Exception, match="quota"):
        await task
    assert asked == []


async def test_nothing_is_pulled_where_it_is_open_on_which_nodes_a_job_runs() -> None:
    api = Api()

    await prepulled(api).begin("team-a", dataclasses.replace(ORDER, placement=None), ORDER.base)

    assert api.made == []
