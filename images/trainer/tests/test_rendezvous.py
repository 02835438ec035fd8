"""The variables by which processes find each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainshed_trainer import rendezvous

HOSTS = ("digits-1-0.digits-1.team.svc", "digits-1-1.digits-1.team.svc")
OURS = {
    "TRAINSHED_HOSTS": ",".join(HOSTS),
    "TRAINSHED_PROCESSES": "2",
    "JOB_COMPLETION_INDEX": "1",
}


def test_a_pod_knows_itself_by_the_operators_variables() -> None:
    pod = rendezvous.read(OURS)

    assert (pod.index, pod.hosts, pod.processes, pod.world) == (1, HOSTS, 2, 4)
    assert [pod.rank(local) for local in range(2)] == [2, 3]


@pytest.mark.parametrize(
    "environment",
    [{}, {"TRAINSHED_PROCESSES": "0", "JOB_COMPLETION_INDEX": "x"}, {"TF_CONFIG": "{"}],
    ids=["nothing", "nonsense", "a torn TF_CONFIG"],
)
def test_without_them_there_is_one_process(environment: dict[str, str]) -> None:
    assert rendezvous.read(environment) == rendezvous.Pod()


def test_the_index_of_a_pod_that_is_alone_is_no_rank() -> None:
    fold = {"TRAINSHED_HOSTS": "127.0.0.1", "TRAINSHED_FOLD": "3", "JOB_COMPLETION_INDEX": "3"}

    assert rendezvous.read(fold) == rendezvous.Pod()


def test_one_process_alone_has_no_variables_of_a_framework() -> None:
    found = rendezvous.variables(rendezvous.Pod(), 0, {})

    assert found == {"TRAINSHED_RANK": "0", "TRAINSHED_WORLD_SIZE": "1"}


def test_torchruns_variables() -> None:
    found = rendezvous.variables(rendezvous.read(OURS), 1, OURS)

    assert (found["RANK"], found["WORLD_SIZE"]) == ("3", "4")
    assert (found["LOCAL_RANK"], found["LOCAL_WORLD_SIZE"]) == ("1", "2")
    assert (found["MASTER_ADDR"], found["MASTER_PORT"]) == (HOSTS[0], "29500")
    assert (found["TRAINSHED_RANK"], found["TRAINSHED_WORLD_SIZE"]) == ("3", "4")


def test_torchrun_itself_finds_one_process_a_machine() -> None:
    found = rendezvous.variables(rendezvous.read(OURS), 1, OURS)
    own = {name: value for name, value in found.items() if name.startswith("PET_")}

    assert own == {
        "PET_NNODES": "4",
        "PET_NODE_RANK": "3",
        "PET_NPROC_PER_NODE": "1",
        "PET_MASTER_ADDR": HOSTS[0],
        "PET_MASTER_PORT": "29500",
    }


def test_tensorflows_cluster_has_a_port_for_each_process() -> None:
    found = rendezvous.variables(rendezvous.read(OURS), 1, OURS)

    assert json.loads(found["TF_CONFIG"]) == {
        "cluster": {"worker": [f"{host}:{port}" for host in HOSTS for port in (2222, 2223)]},
        "task": {"type": "worker", "index": 3},
    }


def test_where_to_meet_may_be_given() -> None:
    given = {**OURS, "MASTER_ADDR": "elsewhere", "MASTER_PORT": "7", "TF_CONFIG": "{}"}
    found = rendezvous.variables(rendezvous.read(given), 0, given)

    assert (found["MASTER_ADDR"], found["PET_MASTER_ADDR"]) == ("elsewhere", "elsewhere")
    assert (found["MASTER_PORT"], found["PET_MASTER_PORT"]) == ("7", "7")
    assert found["TF_CONFIG"] == "{}"


def tf_config(type_: str, index: int, **cluster: Any) -> dict[str, str]:
    """Return TF_CONFIG of a task, as a TFJob sets it."""
    task = {"type": type_, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task, "environment": "cloud"})}


@pytest.mark.parametrize(
    ("type_", "index", "cluster", "rank"),
    [
        ("worker", 1, {"worker": ["a:1", "b:1"]}, 1),
        ("chief", 0, {"chief": ["a:1"], "worker": ["b:1"]}, 0),
        ("worker", 0, {"chief": ["a:1"], "worker": ["b:1"]}, 1),
        ("master", 0, {"master": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}, 0),
        ("worker", 0, {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}, 1),
        ("ps", 0, {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1", "d:1"]}, 2),
        ("ps", 1, {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1", "d:1"]}, 3),
        ("evaluator", 0, {"worker": ["a:1", "b:1"]}, 2),
    ],
)
def test_roles_of_a_tfjob_are_ranks(
    type_: str, index: int, cluster: dict[str, list[str]], rank: int
) -> None:
    given = tf_config(type_, index, **cluster)
    pod = rendezvous.read(given)

    assert (pod.rank(0), pod.world, pod.hosts) == (rank, 2, ("a", "b"))
    assert rendezvous.variables(pod, 0, given)["TF_CONFIG"] == given["TF_CONFIG"]


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"cluster": {}}', '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps"}}', "1"],
)
def test_a_cluster_without_workers_is_none(text: str) -> None:
    assert rendezvous.read({"TF_CONFIG": text}) == rendezvous.Pod()
