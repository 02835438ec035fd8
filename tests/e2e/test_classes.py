"""Classes say what the cluster has of them, while nodes and jobs come and go."""

from __future__ import annotations

from typing import Any

from hack import apiserver
from tests.e2e import conftest, devices

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
