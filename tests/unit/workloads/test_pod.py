"""The trainer's pod: what PodSecurity restricted demands, and what a trainer needs."""

import json
from typing import Any

import pytest

from tests import builders
from tests.unit.workloads import test_golden as golden
from trainshed.api import labels

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def pod_of(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the pod template that the operator makes for a TrainingJob."""
    template: dict[str, Any] = golden.rendered(job)["spec"]["template"]
    return template


def trainer(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the training container."""
    (container,) = pod_of(job)["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def variables(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the plain variables of the training container."""
    return {each["name"]: each.get("value") for each in trainer(job)["env"]}


every_job = pytest.mark.parametrize("job", golden.JOBS.values(), ids=golden.JOBS)


@every_job
def test_the_pod_passes_the_restricted_profile(job: builders.TrainingJobBuilder) -> None:
    pod = pod_of(job)["spec"]
    container, security = pod["containers"][0], pod["securityContext"]

    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    assert security["runAsNonRoot"]
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all("hostPort" not in each for each in container["ports"])
    for volume in pod["volumes"]:
        assert set(volume) - {"name"} <= ALLOWED_VOLUMES


@every_job
def test_the_pod_has_no_token_of_the_api_server(job: builders.TrainingJobBuilder) -> None:
    pod = pod_of(job)["spec"]
    (token,) = (each for each in pod["volumes"] if each["name"] == "trainshed-token")

    assert pod["automountServiceAccountToken"] is False
    (source,) = token["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == labels.PROGRESS_AUDIENCE


@every_job
def test_every_mount_has_its_volume(job: builders.TrainingJobBuilder) -> None:
    pod = pod_of(job)["spec"]
    names = [each["name"] for each in pod["volumes"]]
    paths = [each["mountPath"] for each in pod["containers"][0]["volumeMounts"]]

    assert len(names) == len(set(names))
    assert len(paths) == len(set(paths))
    assert {each["name"] for each in pod["containers"][0]["volumeMounts"]} <= set(names)


@every_job
def test_every_file_that_a_variable_names_is_mounted(job: builders.TrainingJobBuilder) -> None:
    template = pod_of(job)
    (files,) = (v for v in template["spec"]["volumes"] if v["name"] == "trainshed-files")
    names = {f"/etc/trainshed/{each['path']}" for each in files["downwardAPI"]["items"]}
    fields = {each["fieldRef"]["fieldPath"] for each in files["downwardAPI"]["items"]}

    wanted = {str(value) for value in variables(job).values()}
    assert {each for each in wanted if each.startswith("/etc/trainshed/")} == names
    assert fields <= {
        f"metadata.annotations['{each}']" for each in template["metadata"]["annotations"]
    }


@every_job
def test_the_job_is_one_attempt_of_all_its_pods(job: builders.TrainingJobBuilder) -> None:
    spec, asked = golden.rendered(job)["spec"], job.build()["spec"]
    folds = asked.get("evaluation", {}).get("crossValidation", {})
    size = folds.get("folds") or asked.get("replicas", 1)

    assert spec["completionMode"] == "Indexed"
    assert (spec["completions"], spec["parallelism"]) == (size, folds.get("parallelism", size))
    assert (spec["backoffLimit"], spec["podReplacementPolicy"]) == (0, "Failed")
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


@every_job
def test_the_job_is_found_and_owned(job: builders.TrainingJobBuilder) -> None:
    manifest = golden.rendered(job)
    (owner,) = manifest["metadata"]["ownerReferences"]

    assert manifest["metadata"]["name"] == "gestures-1"
    assert (owner["uid"], owner["controller"]) == (builders.UID, True)
    for marks in (
        manifest["metadata"]["labels"],
        manifest["spec"]["template"]["metadata"]["labels"],
    ):
        assert marks[labels.MANAGED_BY] == labels.MANAGER
        assert marks[labels.JOB] == "gestures"
        assert marks[labels.ATTEMPT] == "1"


def test_the_users_labels_cant_hide_the_operators() -> None:
    job = builders.training_job().cnn().spec(pod={"labels": {labels.JOB: "other", "team": "x"}})

    marks = pod_of(job)["metadata"]["labels"]

    assert (marks[labels.JOB], marks["team"]) == ("gestures", "x")


def test_a_built_in_model_gets_its_spec_with_the_schemas_defaults() -> None:
    annotations = pod_of(builders.training_job().cnn())["metadata"]["annotations"]

    assert json.loads(annotations[labels.SPEC]) == {
        "framework": "pytorch",
        "model": {"name": "cnn"},
        "data": {
            "name": "digits",
            "preprocess": {"normalize": "standard", "stride": 1},
            "split": {"seed": 0},
        },
        "training": {
            "epochs": 20,
            "batchSize": 64,
            "optimizer": {
                "name": "adamw",
                "learningRate": 0.002,
                "weightDecay": 0.01,
                "schedule": "cosine",
                "warmupSteps": 20,
            },
            "loss": {"name": "crossEntropy", "labelSmoothing": 0.0, "classWeights": "none"},
            "precision": "auto",
            "compile": "auto",
            "seed": 0,
        },
    }


def test_steps_take_the_place_of_epochs() -> None:
    job = builders.training_job().cnn().training(maxSteps=50)
    training = json.loads(pod_of(job)["metadata"]["annotations"][labels.SPEC])["training"]

    assert training["maxSteps"] == 50
    assert "epochs" not in training


def test_ones_own_code_gets_its_params_and_no_spec() -> None:
    job = builders.training_job().script().spec(params={"width": 2})
    annotations = pod_of(job)["metadata"]["annotations"]

    assert json.loads(annotations[labels.PARAMS]) == {"width": 2}
    assert labels.SPEC not in annotations
    assert "TRAINSHED_SPEC_FILE" not in variables(job)


@pytest.mark.parametrize(
    ("job", "command"),
    [
        (
            builders.training_job().cnn(),
            "python3 -m trainshed_trainer.launch -- python3 -m trainshed_trainer.train",
        ),
        (
            builders.training_job().cnn().spec(image={"ref": "own:1"}),
            "python3 -m trainshed_trainer.launch -- python3 -m trainshed_trainer.train",
        ),
        (
            builders.training_job().config_map("code", "python", "main.py"),
            "python3 -m trainshed_trainer.launch -- python main.py",
        ),
        (builders.training_job().command("sh", "-c", "exit 3"), "sh -c exit 3"),
        (
            builders.training_job().tensorflow().cnn(),
            "python3 -m trainshed_trainer.launch -- python3 -m trainshed_trainer.train",
        ),
        (
            builders.training_job().custom().script().spec(image={"base": "own:1"}),
            "python3 -m trainshed_trainer.launch -- python train.py",
        ),
        (builders.training_job().custom().command("./own"), "./own"),
    ],
    ids=[
        "a built-in model",
        "a built-in model in a ready image",
        "own code",
        "a command",
        "a built-in model in TensorFlow",
        "own code of another library",
        "a command of another library",
    ],
)
def test_the_launcher_starts_what_has_the_training_library(
    job: builders.TrainingJobBuilder, command: str
) -> None:
    assert " ".join(trainer(job)["command"]) == command


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ({}, {}),
        ({"cpu": "2"}, {"requests": {"cpu": "2"}}),
        ({"cpu": 2, "memory": "4Gi"}, {"requests": {"cpu": "2", "memory": "4Gi"}}),
    ],
    ids=["nothing", "cores", "cores and memory"],
)
def test_memory_is_limited_and_cores_are_not(asked: dict[str, Any], got: dict[str, Any]) -> None:
    limits = {"limits": {"memory": asked["memory"]}} if "memory" in asked else {}

    assert trainer(builders.training_job().cnn().spec(resources=asked))["resources"] == {
        **got,
        **limits,
    }


def test_where_trainers_report() -> None:
    found = variables(builders.training_job().cnn())

    assert found["TRAINSHED_PROGRESS_URL"] == (
        "https://progress.example:8443/v1/namespaces/default/trainingjobs/gestures/progress"
    )
    assert found["KUBEFLOW_TRAINER_SERVER_URL"] == (
        "https://progress.example:8443/apis/trainer.kubeflow.org/v1alpha1"
        "/namespaces/default/trainjobs/gestures/status"
    )


def test_a_variable_of_the_users_takes_the_place_of_ours() -> None:
    job = builders.training_job().cnn().spec(pod={"env": [{"name": "HOME", "value": "/work"}]})
    names = [each["name"] for each in trainer(job)["env"]]

    assert variables(job)["HOME"] == "/work"
    assert len(names) == len(set(names))


def test_the_priority_class_of_a_job_is_its_pods() -> None:
    asked = builders.training_job().cnn().spec(priorityClassName="urgent")

    assert pod_of(asked)["spec"]["priorityClassName"] == "urgent"
    assert "priorityClassName" not in pod_of(builders.training_job().cnn())["spec"]
