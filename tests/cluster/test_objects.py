"""How TrainingJobs and their Jobs behave in a real API server."""

import json
import pathlib
from typing import Any

import pytest
import yaml

from hack import apiserver
from tests import builders, facts
from tests.cluster import conftest
from tests.unit.core import passes
from tests.unit.workloads import test_golden as golden
from trainshed.api import accelerator_class, labels
from trainshed.core import observe, patching, plan


def cnn(**params: Any) -> builders.TrainingJobBuilder:
    """Return a job of the built-in model."""
    return builders.training_job().cnn(**params)


def test_defaults_are_stored(namespace: conftest.Namespace) -> None:
    spec = namespace.apply(cnn(hidden=3).epochs(3).training(optimizer={"name": "sgd"}))["spec"]

    # What a model has of defaults is the training library's business.
    assert spec["model"] == {"name": "cnn", "params": {"hidden": 3}}
    assert (spec["replicas"], spec["processesPerReplica"]) == (1, "auto")
    assert (spec["training"]["precision"], spec["training"]["compile"]) == ("auto", "auto")
    assert spec["training"]["batchSize"] == 64
    assert spec["training"]["optimizer"] == {
        "name": "sgd",
        "learningRate": 0.002,
        "weightDecay": 0.01,
        "schedule": "cosine",
        "warmupSteps": 20,
    }


def test_an_entry_point_has_its_default(namespace: conftest.Namespace) -> None:
    source = namespace.apply(builders.training_job().inline({"train.py": ""}))["spec"]["source"]

    assert source["entrypoint"] == ["python", "train.py"]


@pytest.mark.parametrize(
    "patch",
    [{"training": {"epochs": 4}}, {"pod": {"nodeSelector": {"a": "b"}}}, {"training": None}],
    ids=["another value", "a new field", "a removed field"],
)
def test_a_spec_cant_be_changed(namespace: conftest.Namespace, patch: conftest.Body) -> None:
    namespace.apply(cnn().epochs(3))

    with pytest.raises(apiserver.Refused) as caught:
        namespace.api.request("PATCH", f"{namespace.jobs}/gestures", {"spec": patch})

    assert "create a new TrainingJob" in caught.value.message


def test_labels_can_be_changed(namespace: conftest.Namespace) -> None:
    namespace.apply(cnn())
    patch = {"metadata": {"labels": {"team": "vision"}}}

    changed = namespace.api.request("PATCH", f"{namespace.jobs}/gestures", patch)

    assert changed["metadata"]["labels"] == {"team": "vision"}


def test_a_status_is_written_apart_from_the_spec(namespace: conftest.Namespace) -> None:
    job = namespace.apply(cnn())
    patch = {"spec": {"framework": "caffe"}, "status": {"phase": "Building"}}

    after = namespace.api.request("PATCH", f"{namespace.jobs}/gestures/status", patch)

    assert after["status"]["phase"] == "Building"
    assert after["spec"] == job["spec"]
    assert after["metadata"]["generation"] == 1
    ignored = {"status": {"phase": "Running"}}
    main = namespace.api.request("PATCH", f"{namespace.jobs}/gestures", ignored)
    assert main["status"]["phase"] == "Building"


def test_a_status_by_an_old_version_is_a_conflict(namespace: conftest.Namespace) -> None:
    version = namespace.apply(cnn())["metadata"]["resourceVersion"]
    namespace.patch_status({"phase": "Building"}, version=version)

    with pytest.raises(apiserver.Refused) as caught:
        namespace.patch_status({"phase": "Starting"}, version=version)

    assert caught.value.status == 409


def test_a_phase_that_does_not_exist_is_refused(namespace: conftest.Namespace) -> None:
    version = namespace.apply(cnn())["metadata"]["resourceVersion"]

    with pytest.raises(apiserver.Refused) as caught:
        namespace.patch_status({"phase": "Paused"}, version=version)

    assert 'Unsupported value: "Paused"' in caught.value.message


def test_what_a_pass_writes_comes_back_as_it_was(namespace: conftest.Namespace) -> None:
    """A pass that finds its own status changed by the server would write for ever."""
    body = namespace.apply(cnn())
    told = builders.account_document(loss=1e-9, samples=2**53, metrics={"accuracy": 1.0, "f": 1e22})
    pods = [builders.pod().on_node().succeeded(told)]
    seen = builders.observation(
        observe.training_job(body, now=builders.T0),
        build=facts.built(),
        workload=builders.job().complete(30),
        pods=pods,
        progress=facts.progress(50, received=20, loss=3.0, data_wait_ratio=0.0),
    )
    wanted = passes.decided(seen, now=31)
    assert wanted.status is not None
    patch = patching.merge_patch({}, wanted.status)

    stored = namespace.patch_status(patch, version=body["metadata"]["resourceVersion"])

    assert stored["status"] == wanted.status
    again = passes.stored(seen, plan.Plan(status=stored["status"]))
    assert passes.decided(again, now=40) == plan.Plan()


def test_a_table_shows_what_people_ask_for(namespace: conftest.Namespace) -> None:
    version = namespace.apply(cnn())["metadata"]["resourceVersion"]
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": "UserCodeFailed",
        "message": "boom",
        "lastTransitionTime": builders.at(1),
    }
    progress = {"step": 24, "percent": 24, "samplesPerSecond": 4100.2}
    status = {
        "phase": "Failed",
        "conditions": [condition],
        "progress": {**progress, "estimatedRemainingSeconds": 57},
        "placement": {"type": "cpu", "class": "cpu", "nodes": ["node-1"]},
        "attempts": {"current": 1},
    }
    namespace.patch_status(status, version=version)

    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = namespace.api.http.get(namespace.jobs, headers={"Accept": accept}).json()

    names = [each["name"] for each in table["columnDefinitions"]]
    shown = dict(zip(names, table["rows"][0]["cells"], strict=True))
    age = shown.pop("Age")
    assert age.endswith("s")
    assert shown == {
        "Name": "gestures",
        "Phase": "Failed",
        "Progress": 24,
        "Samples/s": 4100.2,
        "Accelerator": "cpu",
        "ETA": 57,
        "Attempt": 1,
        "Nodes": '["node-1"]',
        "Accuracy": None,
        "Reason": "UserCodeFailed",
    }


def owned(namespace: conftest.Namespace, manifest: conftest.Body, uid: str) -> conftest.Body:
    """Return a child Job as the operator would post it here."""
    body: conftest.Body = json.loads(json.dumps(manifest))
    body["metadata"]["namespace"] = namespace.name
    body["metadata"]["ownerReferences"][0]["uid"] = uid
    return body


def test_a_child_goes_with_its_training_job(namespace: conftest.Namespace) -> None:
    uid = namespace.apply(cnn())["metadata"]["uid"]
    manifest = owned(namespace, golden.rendered(cnn()), uid)
    # Nothing is to run here: the collector is what is tested.
    manifest["spec"]["suspend"] = True
    namespace.api.create(namespace.workloads, manifest)

    namespace.api.delete(f"{namespace.jobs}/gestures")

    # The collector finds a new kind within half a minute.
    namespace.api.wait_gone(
        namespace.workloads, "gestures-1", what="the child Job to be collected", seconds=90
    )


def test_a_service_goes_with_its_training_job(namespace: conftest.Namespace) -> None:
    job = cnn().replicas(2)
    uid = namespace.apply(job)["metadata"]["uid"]
    services = f"/api/v1/namespaces/{namespace.name}/services"
    service = owned(namespace, golden.children(job)[0], uid)

    stored = namespace.api.create(services, service)

    assert stored["spec"]["clusterIPs"] == ["None"]
    assert stored["spec"]["publishNotReadyAddresses"]
    namespace.api.delete(f"{namespace.jobs}/gestures")
    namespace.api.wait_gone(services, "gestures-1", what="the Service to be collected", seconds=90)


FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples"
EXAMPLES = {
    f"{path.relative_to(FOLDER)}: {document['kind']} {document['metadata']['name']}": document
    for path in sorted(FOLDER.rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    if document.get("kind") in (labels.KIND, accelerator_class.KIND, "ServiceAccount")
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_taken(namespace: conftest.Namespace, name: str) -> None:
    paths = {
        labels.KIND: namespace.jobs,
        "ServiceAccount": f"/api/v1/namespaces/{namespace.name}/serviceaccounts",
        accelerator_class.KIND: f"/apis/{labels.API_VERSION}/acceleratorclasses",
    }
    example = json.loads(json.dumps(EXAMPLES[name]))
    # Wherever it is to be: the namespace of a test is another one.
    example["metadata"].pop("namespace", None)

    namespace.api.create(paths[example["kind"]], example, dryRun="All", fieldValidation="Strict")


def test_a_second_child_of_the_same_name_is_refused(namespace: conftest.Namespace) -> None:
    uid = namespace.apply(cnn())["metadata"]["uid"]
    manifest = owned(namespace, golden.rendered(cnn()), uid)
    manifest["spec"]["suspend"] = True
    namespace.api.create(namespace.workloads, manifest)

    with pytest.raises(apiserver.Refused) as caught:
        namespace.api.create(namespace.workloads, manifest)

    assert caught.value.status == 409


@pytest.mark.parametrize("name", golden.JOBS)
def test_the_api_server_takes_the_job_as_it_is(namespace: conftest.Namespace, name: str) -> None:
    manifest = owned(namespace, golden.rendered(golden.JOBS[name]), "uid-1")

    namespace.api.create(namespace.workloads, manifest, dryRun="All")


@pytest.mark.parametrize("name", golden.JOBS)
def test_the_pod_is_admitted_as_restricted(namespace: conftest.Namespace, name: str) -> None:
    template = golden.rendered(golden.JOBS[name])["spec"]["template"]
    pod = json.loads(json.dumps({**template, "metadata": {"name": "x", **template["metadata"]}}))
    # Users' accounts and NVIDIA's runtime do not exist here; what is tested is the profile.
    pod["spec"].pop("serviceAccountName", None)
    pod["spec"].pop("runtimeClassName", None)
    path = apiserver.PODS.format(namespace=namespace.name)
    account = f"/api/v1/namespaces/{namespace.name}/serviceaccounts"
    namespace.api.wait(account, "default", lambda _: True, what="the account", seconds=30)

    namespace.api.create(path, pod, dryRun="All")
