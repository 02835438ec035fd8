"""How the processes of several pods find each other."""

import json
from typing import Any

import pytest

from tests import builders
from tests.unit.workloads import test_golden as golden
from tests.unit.workloads import test_pod as pods
from trainshed.api import labels

HOSTS = [f"gestures-1-{index}.gestures-1.default.svc" for index in range(2)]
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def service(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the Service of a job."""
    found = golden.children(job)[0]
    assert found["kind"] == "Service"
    return found


def rank(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the variable that has the rank."""
    found: dict[str, Any] = pods.trainer(job)["env"][0]
    assert found["name"] == "TRAINSHED_RANK"
    return found


def expanded(job: builders.TrainingJobBuilder, name: str, *, index: int) -> str:
    """Return a variable as the kubelet hands it to the pod of an index."""
    return str(pods.variables(job)[name]).replace("$(TRAINSHED_RANK)", str(index))


def two(job: builders.TrainingJobBuilder) -> builders.TrainingJobBuilder:
    """Return a job in two pods."""
    return job.replicas(2)


def test_one_pod_is_rank_0_of_1() -> None:
    job = builders.training_job().cnn()
    found = pods.variables(job)

    assert rank(job)["value"] == "0"
    assert (found["TRAINSHED_WORLD_SIZE"], found["TRAINSHED_PROCESSES"]) == ("1", "1")
    assert found["TRAINSHED_HOSTS"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("replicas", "processes", "world"), [(2, None, 2), (2, "auto", 2), (3, 2, 6), (1, 4, 4)]
)
def test_ranks_are_pods_times_processes(replicas: int, processes: int | None, world: int) -> None:
    job = builders.training_job().script().replicas(replicas, processes=processes)

    assert pods.variables(job)["TRAINSHED_WORLD_SIZE"] == str(world)
    assert pods.variables(job)["TRAINSHED_PROCESSES"] == str(world // replicas)


def test_each_pod_has_the_name_that_the_others_know_it_by() -> None:
    job = two(builders.training_job().cnn())
    manifest = golden.rendered(job)

    assert pods.variables(job)["TRAINSHED_HOSTS"] == ",".join(HOSTS)
    assert manifest["spec"]["template"]["spec"]["subdomain"] == "gestures-1"
    assert service(job)["metadata"]["name"] == manifest["metadata"]["name"] == "gestures-1"
    assert rank(job)["valueFrom"] == {"fieldRef": {"fieldPath": INDEX}}


def test_the_service_finds_the_pods_before_they_are_ready() -> None:
    job = two(builders.training_job().cnn())
    spec = service(job)["spec"]
    marks = pods.pod_of(job)["metadata"]["labels"]

    assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)
    assert spec["selector"].items() <= marks.items()
    assert {labels.JOB, labels.ATTEMPT} <= set(spec["selector"])


def test_the_service_goes_with_its_training_job() -> None:
    job = two(builders.training_job().cnn())
    (owner,) = service(job)["metadata"]["ownerReferences"]

    assert (owner["kind"], owner["uid"], owner["controller"]) == ("TrainingJob", "uid-1", True)
    assert service(job)["metadata"]["labels"] == golden.rendered(job)["metadata"]["labels"]


def test_one_pod_has_no_service() -> None:
    job = builders.training_job().script().replicas(1, processes=4)

    assert [each["kind"] for each in golden.children(job)] == ["Job"]
    assert "subdomain" not in pods.pod_of(job)["spec"]


def test_each_fold_is_a_world_of_its_own() -> None:
    job = builders.training_job().cnn().folds(5, parallelism=2)
    (manifest,) = golden.children(job)
    fold = next(each for each in pods.trainer(job)["env"] if each["name"] == "TRAINSHED_FOLD")

    assert (manifest["spec"]["completions"], manifest["spec"]["parallelism"]) == (5, 2)
    assert fold["valueFrom"] == {"fieldRef": {"fieldPath": INDEX}}
    assert rank(job)["value"] == "0"
    assert pods.variables(job)["TRAINSHED_WORLD_SIZE"] == "1"
    assert pods.variables(job)["TRAINSHED_HOSTS"] == "127.0.0.1"
    assert "subdomain" not in pods.pod_of(job)["spec"]


def test_folds_are_told_from_ranks_by_a_label() -> None:
    folds = golden.rendered(builders.training_job().cnn().folds(5))
    ranks = golden.rendered(two(builders.training_job().cnn()))

    assert folds["spec"]["parallelism"] == 1
    for each in (folds, folds["spec"]["template"]):
        assert each["metadata"]["labels"][labels.FOLDS] == "5"
    for each in (ranks, ranks["spec"]["template"]):
        assert labels.FOLDS not in each["metadata"]["labels"]


def test_a_command_gets_torchruns_variables() -> None:
    job = two(builders.training_job().command("torchrun", "x.py"))
    found = pods.variables(job)

    assert [expanded(job, "RANK", index=index) for index in range(2)] == ["0", "1"]
    assert expanded(job, "PET_NODE_RANK", index=1) == "1"
    assert (found["WORLD_SIZE"], found["LOCAL_RANK"], found["LOCAL_WORLD_SIZE"]) == ("2", "0", "1")
    assert (found["PET_NNODES"], found["PET_NPROC_PER_NODE"]) == ("2", "1")
    assert found["MASTER_ADDR"] == found["PET_MASTER_ADDR"] == HOSTS[0]
    assert found["MASTER_PORT"] == found["PET_MASTER_PORT"] == "29500"


def test_a_command_of_tensorflow_gets_its_cluster() -> None:
    job = two(builders.training_job().tensorflow().command("python", "x.py"))

    assert json.loads(expanded(job, "TF_CONFIG", index=1)) == {
        "cluster": {"worker": [f"{host}:2222" for host in HOSTS]},
        "task": {"type": "worker", "index": 1},
    }
    assert "RANK" not in pods.variables(job)


def test_a_command_of_another_library_gets_the_first_host() -> None:
    found = pods.variables(two(builders.training_job().custom().command("./own")))

    assert (found["MASTER_ADDR"], found["MASTER_PORT"]) == (HOSTS[0], "29500")
    assert not {"RANK", "TF_CONFIG"} & set(found)


@pytest.mark.parametrize(
    "job",
    [two(builders.training_job().script()), builders.training_job().command("x")],
    ids=["what the launcher starts", "a command in one pod"],
)
def test_nothing_else_gets_the_variables_of_a_framework(job: builders.TrainingJobBuilder) -> None:
    assert not {"RANK", "MASTER_ADDR", "TF_CONFIG", "PET_NNODES"} & set(pods.variables(job))


def test_a_rank_is_known_before_what_is_made_of_it() -> None:
    # The kubelet puts in only what stands further up.
    names = [
        each["name"] for each in pods.trainer(two(builders.training_job().command("x")))["env"]
    ]

    assert names.index("TRAINSHED_RANK") < names.index("RANK")
