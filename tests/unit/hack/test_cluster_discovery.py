import json
import pathlib
from typing import Any

import pytest

from hack.cluster import prometheus
from hack.cluster.host import discovery

TRAINER = {"app.kubernetes.io/managed-by": "trainshed", "app.kubernetes.io/name": "trainshed"}
OPERATOR = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": "trainshed"}


def pod(
    *, name: str = "cnn-1-0", labels: dict[str, str] | None = None, phase: str = "Running"
) -> dict[str, Any]:
    port = {"name": "metrics", "containerPort": 9400}
    return {
        "metadata": {
            "name": name,
            "namespace": "team",
            "labels": TRAINER if labels is None else labels,
        },
        "spec": {
            "nodeName": "trainshed-host",
            "containers": [{"name": "trainer", "ports": [port]}],
        },
        "status": {"phase": phase, "podIP": "10.244.0.7"},
    }


def test_a_running_trainer_is_a_target_with_its_labels() -> None:
    found = discovery.targets([pod()])
    assert found == {
        prometheus.TRAINER_JOB: [
            {
                "targets": ["10.244.0.7:9400"],
                "labels": {"namespace": "team", "pod": "cnn-1-0", "node": "trainshed-host"},
            }
        ],
        prometheus.OPERATOR_JOB: [],
    }


def test_the_operator_is_a_target_of_its_own_job() -> None:
    found = discovery.targets([pod(labels=OPERATOR)])
    assert [len(found[job]) for job in (prometheus.TRAINER_JOB, prometheus.OPERATOR_JOB)] == [0, 1]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_is_no_target(phase: str) -> None:
    assert discovery.targets([pod(phase=phase)])[prometheus.TRAINER_JOB] == []


def test_a_pod_without_an_address_is_no_target_yet() -> None:
    waiting = pod(phase="Pending")
    del waiting["status"]["podIP"]
    assert discovery.targets([waiting])[prometheus.TRAINER_JOB] == []


def test_a_pod_without_a_port_called_metrics_is_no_target() -> None:
    silent = pod()
    silent["spec"]["containers"][0]["ports"][0]["name"] = "http"
    assert discovery.targets([silent])[prometheus.TRAINER_JOB] == []


def test_pods_of_others_are_no_targets() -> None:
    assert discovery.targets([pod(labels={"app": "x"})])[prometheus.TRAINER_JOB] == []


def test_the_order_of_pods_does_not_change_the_files(tmp_path: pathlib.Path) -> None:
    pods = [pod(name="b"), pod(name="a")]
    discovery.write(pods, folder=tmp_path)
    before = (tmp_path / f"{prometheus.TRAINER_JOB}.json").read_text("utf-8")
    discovery.write(reversed(pods), folder=tmp_path)
    assert (tmp_path / f"{prometheus.TRAINER_JOB}.json").read_text("utf-8") == before
    assert [item["labels"]["pod"] for item in json.loads(before)] == ["a", "b"]


def test_prometheus_scrapes_both_jobs_each_second() -> None:
    config = prometheus.config(discovery=prometheus.by_file(pathlib.Path("/t")))
    assert config["global"]["scrape_interval"] == "1s"
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert set(jobs) == {prometheus.TRAINER_JOB, prometheus.OPERATOR_JOB}
    assert jobs[prometheus.OPERATOR_JOB]["honor_labels"] is True
    assert "honor_labels" not in jobs[prometheus.TRAINER_JOB]


def test_an_in_cluster_prometheus_finds_the_same_pods() -> None:
    config = prometheus.config(discovery=prometheus.in_cluster())
    for job in config["scrape_configs"]:
        rules = job["relabel_configs"]
        targets = {rule["target_label"] for rule in rules if "target_label" in rule}
        assert targets == {"namespace", "pod", "node"}
        assert {rule["regex"] for rule in rules if rule.get("action") == "drop"} == {
            "Succeeded|Failed",
            prometheus.FAKE_NODES,
        }
