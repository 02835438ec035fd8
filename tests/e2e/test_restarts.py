"""The operator is killed with SIGKILL in each phase of a job: nothing is lost or made twice."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from hack import apiserver
from tests import gates, git_server
from tests.e2e import conftest, test_git_sources

STEPS = """
import time
from trainshed_trainer import Run
with Run(total_steps=100) as run:
    for _ in run.steps(range(100), samples=8):
        time.sleep(0.1)
        run.log(loss=1.0)
"""
Ready = Callable[[dict[str, Any]], bool]


@pytest.fixture(autouse=True)
def fresh_operator(api: apiserver.ApiServer) -> None:
    """Begin with a new pod: the kubelet restarts one that was killed often ever more slowly."""
    pods = apiserver.PODS.format(namespace="trainshed-system")
    chosen = {"labelSelector": "app.kubernetes.io/component=operator"}
    found = api.get(pods, **chosen)["items"]
    old = next(each for each in found if "deletionTimestamp" not in each["metadata"])
    api.delete(f"{pods}/{old['metadata']['name']}")
    lease = api.wait(
        "/apis/coordination.k8s.io/v1/namespaces/trainshed-system/leases",
        "trainshed-operator",
        lambda each: each["spec"].get("holderIdentity") not in ("", None, old["metadata"]["name"]),
        what="a new operator to lead",
        seconds=60,
    )
    api.wait(pods, lease["spec"]["holderIdentity"], ready, what="the new operator", seconds=60)


def ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def tell(number: signal.Signals) -> None:
    """Send a signal to the operator's process, which the host provider runs on this machine."""
    folders = [each for each in pathlib.Path("/proc").iterdir() if each.name.isdecimal()]
    found = [int(each.name) for each in folders if _is_operator(each)]
    assert len(found) == 1, f"there must be one operator to signal, not {found}"
    os.kill(found[0], number)


@contextlib.contextmanager
def halted_registry(info: conftest.Body) -> Iterator[None]:
    """Let the cluster's registry answer nothing meanwhile: what is asked of it stays open."""
    record = pathlib.Path(info["state"], "pids", "registry.json")
    pid = int(json.loads(record.read_text(encoding="utf-8"))["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _is_operator(folder: pathlib.Path) -> bool:
    try:
        command = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return command[1:4] == [b"-m", b"trainshed", b"--config"]


def started(status: dict[str, Any]) -> bool:
    return "attempts" in status


def building(status: dict[str, Any]) -> bool:
    return status.get("phase") == "Building"


def complete(workload: dict[str, Any]) -> bool:
    conditions = workload["status"].get("conditions") or ()
    return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)


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

    tell(signal.SIGKILL)

    survived(namespace, info)


def test_a_build_that_is_cut_off_is_made_once(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with halted_registry(info):
        namespace.apply("survivor", conftest.script(f"# {namespace.name}\n{STEPS}"))
        namespace.until("survivor", building, what="phase Building")
        tell(signal.SIGKILL)

    survived(namespace, info)


def test_a_build_in_a_pod_goes_on_without_its_operator(
    namespace: conftest.Namespace, info: conftest.Body, tmp_path: pathlib.Path
) -> None:
    host = str(info["registry"]["pull"].partition(":")[0])
    with (
        git_server.serve(tmp_path / "served", host=host) as server,
        gates.before(server.url.partition("://")[2]) as gate,
    ):
        server.repository("code").commit({"train.py": f"# {namespace.name}\n{STEPS}"})
        git = {"url": f"http://{gate.address}/code/.git"}
        namespace.apply("survivor", {"framework": "pytorch", "source": {"git": git}})
        assert gate.knocked.wait(timeout=90)
        tell(signal.SIGKILL)
        gate.open()
        status = namespace.finished("survivor", seconds=240)

    assert status["phase"] == "Succeeded", status
    assert status["result"]["steps"] == 100
    assert len(test_git_sources.builds(namespace)) == 1
    assert len(test_git_sources.pods_of_builds(namespace)) == 1
    (image,) = {each.split("-")[1] for each in tags(info, namespace.name)}
    assert status["image"]["key"] == f"b-{image}"


def test_an_end_that_was_not_written_is_found(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    namespace.apply("survivor", conftest.script(f"# {namespace.name}\n{STEPS}"))
    namespace.until("survivor", stepping, what="stepping")

    # A process that is halted sees the end as little as one that is dead already.
    tell(signal.SIGSTOP)
    namespace.api.wait(namespace.workloads, "survivor-1", complete, what="the end", seconds=60)
    before = namespace.api.get(f"{namespace.jobs}/survivor")["status"]
    tell(signal.SIGKILL)

    assert before["phase"] == "Running"
    survived(namespace, info)


def survived(namespace: conftest.Namespace, info: conftest.Body) -> None:
    """Check that the job ends well, with one Job, one pod and one image."""
    status = namespace.finished("survivor", seconds=240)
    assert status["phase"] == "Succeeded", status
    assert status["result"]["steps"] == 100
    (workload,) = namespace.api.get(namespace.workloads)["items"]
    assert workload["metadata"]["name"] == "survivor-1"
    (pod,) = namespace.api.get(namespace.pods)["items"]
    assert pod["spec"]["containers"][0]["image"] == status["image"]["ref"]
    assert len(tags(info, namespace.name)) == 1


def tags(info: conftest.Body, namespace: str) -> list[str]:
    """Return the tags by which a namespace's images are found: not those of lists beside them."""
    url = f"{info['registry']['host']}/v2/trainshed/ns/{namespace}/tags/list"
    found: list[str] = httpx.get(url, trust_env=False).json()["tags"]
    return [each for each in found if each.startswith("b-")]
