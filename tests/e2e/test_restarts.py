"""The operator is killed with SIGKILL in each phase of a job: nothing is lost or made twice."""

from __future__ import annotations

import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.e2e import conftest

STEPS = """
import time
from trainshed_trainer import Run
with Run(total_steps=100) as run:
    for _ in run.steps(range(100), samples=8):
        time.sleep(0.1)
        run.log(loss=1.0)
"""
Ready = Callable[[dict[str, Any]], bool]


def kill() -> None:
    """Send SIGKILL to the operator's process, which the host provider runs on this machine."""
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdecimal() and _is_operator(folder):
            os.kill(int(folder.name), signal.SIGKILL)


def _is_operator(folder: pathlib.Path) -> bool:
    try:
        command = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return command[1:4] == [b"-m", b"trainshed", b"--config"]


def started(status: dict[str, Any]) -> bool:
    return "attempts" in status


def running(status: dict[str, Any]) -> bool:
    return status.get("phase") == "Running"


def stepping(status: dict[str, Any]) -> bool:
    return (status.get("progress") or {}).get("step", 0) > 20


@pytest.mark.parametrize(
    ("phase", "reached"),
    [
        ("applied", lambda status: True),
        ("starting", started),
        ("running", running),
        ("stepping", stepping),
    ],
)
def test_a_killed_operator_loses_and_doubles_nothing(
    namespace: conftest.Namespace, info: conftest.Body, phase: str, reached: Ready
) -> None:
    namespace.apply("survivor", conftest.script(f"# {namespace.name}\n{STEPS}"))
    namespace.until("survivor", reached, what=phase)

    kill()

    status = namespace.finished("survivor", seconds=240)
    assert status["phase"] == "Succeeded", status
    assert status["result"]["steps"] == 100
    (workload,) = namespace.api.get(namespace.workloads)["items"]
    assert workload["metadata"]["name"] == "survivor-1"
    (pod,) = namespace.api.get(namespace.pods)["items"]
    assert pod["spec"]["containers"][0]["image"] == status["image"]["ref"]
    assert len(tags(info, namespace.name)) == 1


def tags(info: conftest.Body, namespace: str) -> list[str]:
    """Return the tags of a namespace's repository: one for each image."""
    url = f"{info['registry']['host']}/v2/trainshed/{namespace}/tags/list"
    found: list[str] = httpx.get(url, trust_env=False).json()["tags"]
    return found
