"""Jobs that are wrong: each ends in a reason and a sentence that says what to do."""

from __future__ import annotations

import pytest

from hack import apiserver
from tests.e2e import conftest

KNOWABLE_SECONDS = 5.0


def test_a_batch_larger_than_the_data(namespace: conftest.Namespace) -> None:
    namespace.apply("large", conftest.cnn(batchSize=100_000))

    status = namespace.finished("large")

    assert status["phase"] == "Failed"
    failed = conftest.condition(status, "Failed")
    assert failed is not None
    assert failed["reason"] == "BatchTooLarge"
    assert status["failure"]["class"] == "Data"
    assert "batchSize" in failed["message"]


def test_an_entry_point_that_the_files_lack(namespace: conftest.Namespace) -> None:
    spec = conftest.script("print(1)")
    spec["source"]["entrypoint"] = ["python", "main.py"]
    namespace.apply("lost", spec)

    message = namespace.told("lost", "Failed", "EntryPointNotFound")

    assert "train.py" in message
    assert namespace.api.get(namespace.workloads)["items"] == []


def test_an_entry_point_that_only_the_image_can_know(namespace: conftest.Namespace) -> None:
    spec = conftest.script("print(1)")
    spec["source"]["entrypoint"] = ["no-such-program", "train.py"]
    namespace.apply("lost", spec)

    message = namespace.told("lost", "Failed", "EntryPointNotFound", seconds=120)

    assert "no-such-program" in message


def test_code_that_raises(namespace: conftest.Namespace) -> None:
    namespace.apply("raises", conftest.script("raise RuntimeError('the user did this')"))

    status = namespace.finished("raises")

    assert status["failure"]["class"] == "UserCode"
    assert status["failure"]["exitCode"] == 1
    assert "the user did this" in status["failure"]["message"]
    assert "RuntimeError" in status["failure"]["logTail"]


def test_a_config_map_that_comes_late(namespace: conftest.Namespace) -> None:
    namespace.apply("late", {"framework": "pytorch", "source": {"configMap": {"name": "code"}}})
    message = namespace.told("late", "ImageReady", "SourceNotFound")
    assert "code" in message

    namespace.api.create(
        f"/api/v1/namespaces/{namespace.name}/configmaps",
        {"metadata": {"name": "code"}, "data": {"train.py": "print('now')"}},
    )

    assert namespace.finished("late")["phase"] == "Succeeded"


def test_an_image_that_cannot_be_pulled(namespace: conftest.Namespace, info: conftest.Body) -> None:
    ref = f"{info['registry']['pull']}/no/such:image"
    namespace.apply("pull", {"framework": "pytorch", "image": {"ref": ref}, "command": ["python3"]})

    message = namespace.told("pull", "Running", "ImagePullFailed", seconds=60)

    assert ref in message


def test_a_node_selector_that_no_node_has(namespace: conftest.Namespace) -> None:
    spec = conftest.script("print(1)", pod={"nodeSelector": {"disk": "none-such"}})
    namespace.apply("nowhere", spec)

    message = namespace.told("nowhere", "Placed", "AffinityMismatch")

    assert "node" in message
    assert "nodeSelector" in message


def test_an_affinity_that_is_misspelt(namespace: conftest.Namespace) -> None:
    spec = {**conftest.cnn(epochs=1), "pod": {"affinity": {"nodeAfinity": {}}}}
    namespace.apply("misspelt", spec)

    message = namespace.told("misspelt", "Failed", "WorkloadRejected", seconds=10)

    assert "nodeAfinity" in message


def test_a_secret_that_does_not_exist(namespace: conftest.Namespace) -> None:
    reference = {"secretKeyRef": {"name": "no-such", "key": "token"}}
    pod = {"env": [{"name": "TOKEN", "valueFrom": reference}]}
    namespace.apply("secret", conftest.script("print(1)", pod=pod))

    message = namespace.told("secret", "Running", "ContainerConfigInvalid", seconds=60)

    assert "no-such" in message


def test_a_base_image_that_does_not_exist(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    base = f"{info['registry']['pull']}/no/such:base"
    namespace.apply("base", conftest.script("print(1)", image={"base": base}))

    message = namespace.told("base", "ImageReady", "BaseImageNotFound")

    assert "no/such" in message


def test_a_name_that_another_job_has(namespace: conftest.Namespace) -> None:
    api = namespace.api
    container = {"name": "c", "image": "none", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    job = {"metadata": {"name": "mine-1"}, "spec": {"suspend": True, "template": template}}
    api.create(namespace.workloads, job)
    namespace.apply("mine", conftest.script("print(1)"))
    message = namespace.told("mine", "Accepted", "NameTaken")
    assert "mine-1" in message

    api.delete(f"{namespace.workloads}/mine-1", propagationPolicy="Background")

    assert namespace.finished("mine")["phase"] == "Succeeded"


def test_a_name_whose_old_job_is_still_going(namespace: conftest.Namespace) -> None:
    api = namespace.api
    namespace.apply("again", conftest.script("import time; time.sleep(600)"))
    namespace.told("again", "Running", "Training", seconds=90)
    path = f"{namespace.workloads}/again-1"
    api.request("PATCH", path, {"metadata": {"finalizers": ["trainshed.dev/test"]}})
    api.delete(f"{namespace.jobs}/again", propagationPolicy="Background")
    api.wait_gone(namespace.jobs, "again", what="the first job to go", seconds=30)

    namespace.apply("again", conftest.script("print('second')"))
    message = namespace.told("again", "Accepted", "WaitingForOldWorkload")
    assert "again-1" in message
    api.request("PATCH", path, {"metadata": {"finalizers": None}})

    assert namespace.finished("again")["phase"] == "Succeeded"


@pytest.mark.parametrize("kind", ["source", "image"])
def test_reasons_come_within_seconds(
    namespace: conftest.Namespace, info: conftest.Body, kind: str
) -> None:
    spec = (
        {"framework": "pytorch", "source": {"configMap": {"name": "none"}}}
        if kind == "source"
        else conftest.script("print(1)", image={"base": f"{info['registry']['pull']}/no/such:1"})
    )
    namespace.apply("quick", spec)

    namespace.until(
        "quick",
        lambda status: (
            (conftest.condition(status, "ImageReady") or {}).get("reason")
            in ("SourceNotFound", "BaseImageNotFound")
        ),
        what="a reason",
        seconds=KNOWABLE_SECONDS,
    )


def test_other_jobs_go_on(namespace: conftest.Namespace, api: apiserver.ApiServer) -> None:
    namespace.apply("wrong", {"framework": "pytorch", "source": {"configMap": {"name": "none"}}})
    namespace.apply("right", conftest.script("print('right')"))

    assert namespace.finished("right")["phase"] == "Succeeded"
