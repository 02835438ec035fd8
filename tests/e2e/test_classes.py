"""Classes say what the cluster has of them, while nodes and jobs come and go."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from hack import apiserver
from tests.e2e import conftest, devices
from tests.e2e.test_frameworks import small

RESOURCE = "gpu.trainshed.example/counted"
CLASS = "counted-gpu"
WAITS = """
import pathlib, time
while not pathlib.Path("/tmp/go").exists():
    time.sleep(0.2)
"""


def status_of(api: apiserver.ApiServer, **wanted: Any) -> dict[str, Any]:
    """Return the status of the class once it has these fields."""

    def has(body: dict[str, Any]) -> bool:
        status = body.get("status") or {}
        return all(status.get(key) == value for key, value in wanted.items())

    what = f"{CLASS} to have {wanted}"
    found: dict[str, Any] = api.wait(devices.CLASSES, CLASS, has, what=what, seconds=60)["status"]
    return found


def test_devices_of_the_node_and_those_of_a_running_job_are_counted(
    api: apiserver.ApiServer, namespace: conftest.Namespace
) -> None:
    with devices.class_(api, CLASS, RESOURCE):
        empty = status_of(api, nodes=0, allocatable=0, inUse=0)
        assert conftest.condition(empty, "Ready")["reason"] == "NoNodes"  # type: ignore[index]

        with devices.on_real_node(api, RESOURCE, 2):
            there = status_of(api, nodes=1, allocatable=2, inUse=0)
            ready = conftest.condition(there, "Ready")
            assert ready is not None
            assert (ready["status"], ready["reason"]) == ("True", "NodesReady")

            script = conftest.script(WAITS, accelerator={"class": CLASS, "count": 2})
            namespace.apply("held", script)
            status_of(api, nodes=1, allocatable=2, inUse=2)
            namespace.api.delete(f"{namespace.jobs}/held")
            status_of(api, nodes=1, allocatable=2, inUse=0)

        status_of(api, nodes=0, allocatable=0)


def test_a_job_says_what_its_devices_have_cost(
    api: apiserver.ApiServer, namespace: conftest.Namespace
) -> None:
    resource, price = "gpu.trainshed.example/priced", {"hourly": 3.6, "currency": "EUR"}
    with (
        devices.on_real_node(api, resource, 2),
        devices.class_(api, "priced-gpu", resource, price=price),
    ):
        accelerator = {"class": "priced-gpu", "count": 2}
        namespace.apply("dear", {**small("pytorch", "cnn"), "accelerator": accelerator})
        status = namespace.finished("dear", seconds=300)

    assert status["phase"] == "Succeeded", status
    began, ended = (
        datetime.datetime.fromisoformat(status[key]) for key in ("startTime", "completionTime")
    )
    seconds = (ended - began).total_seconds()
    assert status["result"]["cost"]["currency"] == "EUR"
    # Two devices for a thousandth a second.
    assert status["result"]["cost"]["amount"] == pytest.approx(seconds * 0.002)
