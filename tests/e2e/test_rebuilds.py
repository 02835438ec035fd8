"""Images that a registry has lost, and build pods that are taken away or out of time."""

from __future__ import annotations

import json
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests import gates, git_server
from tests.e2e import conftest, test_git_sources

NOWHERE = {"nodeSelector": {"trainshed.dev/none-such": "x"}}
"""No node has it: the image is made, and no kubelet pulls it."""
host = test_git_sources.host


@pytest.fixture
def server(host: str, tmp_path: pathlib.Path) -> Iterator[git_server.Server]:
    """Serve repositories to the pods of the cluster."""
    with git_server.serve(tmp_path / "served", host=host) as found:
        yield found


class Registry:
    """The cluster's registry, from behind."""

    def __init__(self, info: conftest.Body) -> None:
        self._url = info["registry"]["host"]
        self._blobs = pathlib.Path(info["state"]) / "registry/docker/registry/v2/blobs/sha256"

    def manifest(self, ref: str) -> dict[str, Any]:
        """Return the manifest of an image."""
        headers = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        answer = httpx.get(self._manifest(ref), headers=headers, trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def lose(self, digest: str) -> None:
        """Delete a blob's bytes."""
        value = digest.partition(":")[2]
        (self._blobs / value[:2] / value / "data").unlink()

    def _manifest(self, ref: str) -> str:
        repository, _, digest = ref.partition("/")[2].partition("@")
        return f"{self._url}/v2/{repository}/manifests/{digest}"


@pytest.fixture
def registry(info: conftest.Body) -> Registry:
    return Registry(info)


def imaged(namespace: conftest.Namespace, name: str, spec: conftest.Body) -> conftest.Body:
    """Return the image of a job that no node takes; the job is gone again."""
    namespace.apply(name, {**spec, "pod": NOWHERE})
    status = namespace.until(name, lambda status: "image" in status, what="an image")
    namespace.api.delete(f"{namespace.jobs}/{name}")
    namespace.api.wait_gone(namespace.jobs, name, what=f"{name} to go", seconds=30)
    found: conftest.Body = status["image"]
    return found


def test_a_branch_that_was_looked_up_today_needs_no_pod(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    repository = server.repository("code")
    commit = repository.commit({"train.py": f"print('{namespace.name}')"})
    spec = {**test_git_sources.job(f"{server.url}/code/.git", "main")}
    spec["image"] = {"refresh": "daily"}
    first = imaged(namespace, "first", spec)
    repository.commit({"train.py": "raise SystemExit('of today, but later')"})
    for each in builds(namespace):
        path, name = namespace.workloads, each["metadata"]["name"]
        namespace.api.delete(f"{path}/{name}", propagationPolicy="Background")
        namespace.api.wait_gone(path, name, what="the build's Job to go", seconds=30)

    namespace.apply("again", spec)
    status = namespace.finished("again")

    assert status["phase"] == "Succeeded", json.dumps(status)
    assert status["image"]["ref"] == first["ref"]
    assert status["image"]["sourceRevision"] == commit
    assert builds(namespace) == []
    namespace.apply("always", {**spec, "image": {"refresh": "always"}})
    assert namespace.finished("always")["phase"] == "Failed"


def rebuilt(namespace: conftest.Namespace, name: str, image: conftest.Body) -> None:
    """Check that a job's image was lost, made again, and that the job has run with it."""
    status = namespace.finished(name)
    assert status["phase"] == "Succeeded", json.dumps(status)
    assert status["image"]["ref"] == image["ref"]
    ready = conftest.condition(status, "ImageReady")
    assert ready is not None
    assert (ready["status"], ready["reason"]) == ("True", "ImageRebuilt")


def test_a_layer_that_the_registry_has_lost_is_sent_again(
    namespace: conftest.Namespace, registry: Registry
) -> None:
    spec = conftest.script(f"print('{namespace.name}')")
    image = imaged(namespace, "first", spec)
    registry.lose(registry.manifest(image["ref"])["layers"][-1]["digest"])

    namespace.apply("again", spec)

    message = namespace.told("again", "ImageReady", "ImageRebuilt", seconds=60)
    assert image["ref"] in message
    rebuilt(namespace, "again", image)


def test_a_lost_image_of_a_branch_is_made_of_the_commit_that_it_was(
    namespace: conftest.Namespace, server: git_server.Server, registry: Registry
) -> None:
    repository = server.repository("code")
    commit = repository.commit({"train.py": f"print('{namespace.name}')"})
    spec = test_git_sources.job(f"{server.url}/code/.git", "main")
    image = imaged(namespace, "first", spec)
    assert image["sourceRevision"] == commit
    registry.lose(registry.manifest(image["ref"])["layers"][-1]["digest"])

    namespace.apply("again", spec)
    namespace.until("again", lambda status: "image" in status, what="an image")
    repository.commit({"train.py": "raise SystemExit('another commit')"})

    rebuilt(namespace, "again", image)


def builds(namespace: conftest.Namespace) -> list[conftest.Body]:
    return test_git_sources.builds(namespace)


def running(namespace: conftest.Namespace) -> str:
    """Return the name of the build pod once it runs."""
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for each in namespace.api.get(namespace.pods, **chosen)["items"]:
            if (
                each["status"].get("phase") == "Running"
                and "deletionTimestamp" not in each["metadata"]
            ):
                return str(each["metadata"]["name"])
        time.sleep(0.2)
    raise AssertionError("no build pod runs")


def delete(namespace: conftest.Namespace, pod: str) -> None:
    namespace.api.delete(f"{namespace.pods}/{pod}", gracePeriodSeconds="0")


def evict(namespace: conftest.Namespace, pod: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    namespace.api.create(f"{namespace.pods}/{pod}/eviction", body)


@pytest.mark.parametrize("take", [delete, evict], ids=["killed", "evicted"])
def test_a_build_pod_that_is_taken_away_is_made_anew_and_gives_one_image(
    namespace: conftest.Namespace,
    server: git_server.Server,
    take: Callable[[conftest.Namespace, str], None],
) -> None:
    server.repository("code").commit({"train.py": "print('built after all')"})
    with gates.before(server.url.partition("://")[2]) as gate:
        names = ("first", "second")
        for name in names:
            namespace.apply(name, test_git_sources.job(f"http://{gate.address}/code/.git"))
        first = running(namespace)
        assert gate.knocked.wait(timeout=60)
        take(namespace, first)
        namespace.api.wait_gone(namespace.pods, first, what="the build pod to go", seconds=60)
        gate.open()
        images = [namespace.finished(name)["image"] for name in names]

    assert images[0]["ref"] == images[1]["ref"]
    assert len(builds(namespace)) == 1
    assert set(test_git_sources.pods_of_builds(namespace)) - {first}


def test_a_build_that_is_out_of_time_ends_the_job_with_its_log(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    server.repository("code").commit({"train.py": "print(1)"})
    with gates.before(server.url.partition("://")[2]) as gate:
        spec = test_git_sources.job(f"http://{gate.address}/code/.git")
        namespace.apply("late", {**spec, "image": {"deadlineSeconds": 8}})
        status = namespace.finished("late")

    failed = conftest.condition(status, "Failed")
    assert failed is not None
    assert failed["reason"] == "BuildDeadlineExceeded"
    assert failed["message"].startswith("no image within 8 s")
    assert "fetching the code" in status["failure"]["logTail"]
    assert status["failure"]["class"] == "Build"
    (build,) = builds(namespace)
    assert build["spec"]["activeDeadlineSeconds"] <= 8
