import datetime
import re

import pytest
import yaml

from hack.cluster import fakes, kwok, nodes, prometheus
from hack.cluster.host import teardown

REPORTED = "2026-11-24T12:00:30Z"


def node(*, status: str = "True", message: str = "kubelet is posting") -> nodes.Node:
    ready = {"type": "Ready", "status": status, "message": message, "lastHeartbeatTime": REPORTED}
    other = {"type": "DiskPressure", "status": "False", "lastHeartbeatTime": REPORTED}
    return {"metadata": {"name": "n"}, "status": {"conditions": [other, ready]}}


def at(seconds: float) -> datetime.datetime:
    return datetime.datetime(2026, 11, 24, 12, 0, tzinfo=datetime.UTC) + datetime.timedelta(
        seconds=seconds
    )


def test_a_ready_node_is_ready() -> None:
    assert nodes.unready(node()) is None


def test_a_node_says_why_it_is_not_ready() -> None:
    assert nodes.unready(node(status="False", message="no network")) == "no network"


def test_what_a_node_said_before_its_kubelet_started_does_not_count() -> None:
    assert nodes.unready(node(), since=at(31)) == "its kubelet has not reported since it started"
    assert nodes.unready(node(), since=at(30.7)) is None


def test_a_node_that_says_nothing_is_not_ready() -> None:
    assert nodes.unready({"metadata": {"name": "n"}}) == "it says nothing yet"


def test_a_fake_node_takes_only_pods_that_tolerate_it() -> None:
    made = fakes.node(7)
    assert made["spec"] == {
        "taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]
    }
    metadata = made["metadata"]
    assert metadata["annotations"]["kwok.x-k8s.io/node"] == "fake"
    assert metadata["labels"]["trainshed.dev/bench"] == "hold"
    assert nodes.is_fake(made)


def test_a_fake_node_is_ready_from_the_start() -> None:
    assert nodes.is_ready(fakes.node(7))


def test_a_node_is_new_while_the_cluster_has_not_looked_at_it() -> None:
    made = fakes.node(7)
    assert not nodes.is_new(made)
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    assert nodes.is_new({**made, "spec": {"taints": [taint]}})


def test_prometheus_never_scrapes_a_fake_node_s_pods() -> None:
    assert re.fullmatch(prometheus.FAKE_NODES, fakes.node_name(12))


def test_pods_complete_unless_they_say_that_they_hold() -> None:
    loaded = yaml.safe_load_all(kwok.STAGES.read_text("utf-8"))
    stages = {stage["metadata"]["name"]: stage for stage in loaded}
    assert sorted(stages) == [
        "node-heartbeat-with-lease",
        "node-initialize",
        "pod-complete",
        "pod-delete",
        "pod-ready",
        "pod-stop",
    ]
    (hold,) = [
        expression
        for expression in stages["pod-complete"]["spec"]["selector"]["matchExpressions"]
        if expression.get("values") == ["hold"]
    ]
    assert hold["operator"] == "NotIn"
    assert hold["key"].count("trainshed.dev/bench") == 3


@pytest.mark.parametrize("blank", [False, True], ids=["a plain path", "a path with a blank"])
def test_mounts_are_removed_deepest_first_and_only_ours(blank: bool) -> None:
    folder = "/s t/probe" if blank else "/s/probe"
    written = folder.replace(" ", r"\040")
    table = "\n".join(
        f"{at} 1 0:{at} / {point} rw - tmpfs tmpfs rw"
        for at, point in enumerate(
            [f"{written}/a", f"{written}/a/b/c", f"{written}-other/x", "/proc", f"{written}/a/b"]
        )
    )
    assert teardown.mounts_below(table, folder=folder) == [
        f"{folder}/a/b/c",
        f"{folder}/a/b",
        f"{folder}/a",
    ]
