"""Jobs find the nodes of their accelerators, on the real scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hack import apiserver
from tests.e2e import conftest, devices
from tests.e2e.test_frameworks import small

RESOURCE = "gpu.trainshed.example/real"
CLASS = "real-gpu"


@pytest.fixture(scope="module")
def real_device(api: apiserver.ApiServer) -> Iterator[str]:
    """Give the real node one device of a name of its own, and a class for it."""
    with devices.on_real_node(api, RESOURCE, 1), devices.class_(api, CLASS, RESOURCE):
        yield CLASS


def test_a_job_trains_beside_the_device_that_it_asked_for(
    namespace: conftest.Namespace, real_device: str
) -> None:
    namespace.apply("one", {**small("pytorch", "cnn"), "accelerator": {"class": real_device}})

    status = namespace.finished("one", seconds=300)

    assert status["phase"] == "Succeeded", status
    placement = status["placement"]
    assert (placement["class"], placement["type"]) == (CLASS, "gpu")
    assert (placement["resourceName"], placement["count"]) == (RESOURCE, 1)
    (pod,) = namespace.api.get(namespace.pods)["items"]
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"][RESOURCE] == "1"


def test_two_jobs_for_one_device_run_one_after_the_other(
    namespace: conftest.Namespace, real_device: str
) -> None:
    asked: dict[str, Any] = {**small("pytorch", "cnn"), "accelerator": {"class": real_device}}
    for name in ("first", "second"):
        namespace.apply(name, asked)

    ended = [namespace.finished(name, seconds=300) for name in ("first", "second")]

    assert [each["phase"] for each in ended] == ["Succeeded", "Succeeded"]
    # Those of the kubelet: it gives the device on before the Job is told to be complete.
    pods = namespace.api.get(namespace.pods)["items"]
    told = [each["status"]["containerStatuses"][0]["state"]["terminated"] for each in pods]
    assert len(told) == 2
    spans = sorted((each["startedAt"], each["finishedAt"]) for each in told)
    assert spans[0][1] <= spans[1][0], spans


def test_what_no_node_has_is_told_at_once_and_its_image_is_there_when_a_node_is(
    namespace: conftest.Namespace, real_device: str
) -> None:
    asked = {**small("pytorch", "cnn"), "accelerator": {"class": real_device, "count": 8}}
    namespace.apply("eight", asked)

    told = namespace.told("eight", "Placed", "NoNodeFits", seconds=60)

    assert f"1 node has {RESOURCE}; the largest has 1, the job asks 8" in told
    assert namespace.told("eight", "ImageReady", "ImageBuilt", seconds=60)
    assert namespace.api.get(namespace.workloads)["items"] == []


def test_the_fallback_is_taken_and_told(namespace: conftest.Namespace, real_device: str) -> None:
    accelerator = {"class": real_device, "count": 8, "fallback": ["cpu"]}
    namespace.apply("fallen", {**small("pytorch", "cnn"), "accelerator": accelerator})

    status = namespace.finished("fallen", seconds=300)

    assert status["phase"] == "Succeeded", status
    assert (status["placement"]["type"], status["placement"]["fellBackFrom"]) == ("cpu", CLASS)
    events = namespace.api.get(f"/api/v1/namespaces/{namespace.name}/events")["items"]
    (told,) = [each["message"] for each in events if each["reason"] == "FellBack"]
    assert "the job asks 8" in told


def test_auto_takes_the_cpu_where_no_gpu_can_hold_the_job_and_says_so(
    namespace: conftest.Namespace, real_device: str
) -> None:
    namespace.apply("auto", {**conftest.script("print(1)"), "accelerator": {"count": 64}})

    status = namespace.finished("auto", seconds=300)

    assert status["phase"] == "Succeeded", status
    assert (status["placement"]["type"], status["placement"]["fellBackFrom"]) == ("cpu", "gpu")
    events = namespace.api.get(f"/api/v1/namespaces/{namespace.name}/events")["items"]
    (told,) = [each for each in events if each["reason"] == "FellBack"]
    assert told["type"] == "Warning"
    # What comes nearest is not the same while others' fake nodes are there.
    assert told["message"].startswith("cpu is taken: ")
