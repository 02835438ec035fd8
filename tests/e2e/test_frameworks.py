"""Every framework trains images and clips, in one process and in two."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import conftest

FRAMEWORKS = ("pytorch", "tensorflow")
SMALL: dict[str, dict[str, Any]] = {
    "cnn": {
        "model": {"name": "cnn", "params": {"channels": [8, 16], "hidden": 32}},
        "data": {"name": "digits"},
    },
    "cnn-lstm": {
        "model": {
            "name": "cnn-lstm",
            "params": {"channels": [8], "features": 16, "hidden": 16},
        },
        "data": {"name": "moving-digits", "samples": 240, "preprocess": {"frames": 8}},
    },
}
SECONDS = 300
"""A first pod pulls its framework's image."""


def small(framework: str, model: str, **training: Any) -> conftest.Body:
    """Return the spec of a model that trains in seconds."""
    asked = {"epochs": 2, "batchSize": 32, "optimizer": {"learningRate": 0.003}, **training}
    return {"framework": framework, **SMALL[model], "training": asked}


@pytest.mark.parametrize("model", list(SMALL))
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_framework_trains_images_and_clips(
    namespace: conftest.Namespace, framework: str, model: str
) -> None:
    namespace.apply("small", small(framework, model))

    status = namespace.finished("small", seconds=SECONDS)

    assert status["phase"] == "Succeeded", status
    result = status["result"]
    assert result["epochs"] == 2
    assert 0 < result["accuracy"] <= 1
    assert result["samplesPerSecond"] > 0


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_two_pods_train_as_one_job(namespace: conftest.Namespace, framework: str) -> None:
    namespace.apply("pair", {**small(framework, "cnn"), "replicas": 2})

    status = namespace.finished("pair", seconds=SECONDS)

    assert status["phase"] == "Succeeded", status
    # 1,438 of the digits are for training: what is counted is the whole job's.
    assert status["result"]["samples"] == pytest.approx(2 * 1438, abs=64)
    (workload,) = namespace.api.get(namespace.workloads)["items"]
    assert workload["status"]["succeeded"] == 2
    services = namespace.api.get(f"/api/v1/namespaces/{namespace.name}/services")["items"]
    assert [each["spec"]["clusterIP"] for each in services] == ["None"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_two_processes_of_a_pod_train_as_one_job(
    namespace: conftest.Namespace, framework: str
) -> None:
    namespace.apply("twins", {**small(framework, "cnn"), "processesPerReplica": "2"})

    status = namespace.finished("twins", seconds=SECONDS)

    assert status["phase"] == "Succeeded", status
    assert status["result"]["samples"] == pytest.approx(2 * 1438, abs=64)
    assert len(namespace.api.get(namespace.pods)["items"]) == 1


MEETING = """
import os, socket, time

place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
rank, world = int(os.environ["TRAINSHED_RANK"]), int(os.environ["TRAINSHED_WORLD_SIZE"])
assert world == 2
if rank == 0:
    with socket.create_server(("", place[1])) as listening:
        listening.settimeout(60)
        met, _ = listening.accept()
        with met:
            assert met.recv(16) == b"rank 1"
            met.sendall(b"rank 0")
else:
    end = time.monotonic() + 60
    while True:
        try:
            met = socket.create_connection(place, timeout=60)
            break
        except OSError:
            # The other pod has no address yet, or does not listen.
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
    with met:
        met.sendall(b"rank 1")
        assert met.recv(16) == b"rank 0"
print("met")
"""


def test_pods_of_any_other_library_find_each_other(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    files = {"train.py": MEETING}
    spec = {
        "framework": "custom",
        "replicas": 2,
        "source": {"inline": {"files": files}, "entrypoint": ["python3", "train.py"]},
        "image": {"base": f"{info['registry']['pull']}/trainshed/pytorch:dev"},
    }
    namespace.apply("other", spec)

    status = namespace.finished("other", seconds=SECONDS)

    assert status["phase"] == "Succeeded", status
    (workload,) = namespace.api.get(namespace.workloads)["items"]
    assert workload["status"]["succeeded"] == 2
