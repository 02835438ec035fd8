"""Jobs in queues of a real Kueue: quota, preemption, and its own words in the job's status."""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from hack import apiserver
from hack.cluster import settings
from hack.kueue import manager, objects
from tests import namespaces
from tests.e2e import conftest, devices

Body = dict[str, Any]
GROUP = "/apis/kueue.x-k8s.io/v1beta2"
QUEUE = "team-a"
GPU, FPGA = "gpu.queues.trainshed.example/one", "fpga.queues.trainshed.example/one"
MARK = "queues.trainshed.example/{}"
CLASSES = {"queued-gpu": ("gpu", GPU), "queued-fpga": ("fpga", FPGA)}
STEPS = """
import time
from trainshed_trainer import Run
with Run(total_steps={steps}) as run:
    for _ in run.steps(range({steps}), samples=8):
        time.sleep(0.1)
        run.log(loss=1.0)
"""


@pytest.fixture(scope="module", autouse=True)
def kueue(
    info: Body, api: apiserver.ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[pathlib.Path]:
    """Run Kueue, and an operator that began after Kueue's API was served."""
    if info["provider"] != "host":
        pytest.skip("Kueue's manager is a process beside the cluster's own: provider host")
    folder = tmp_path_factory.mktemp("kueue")
    manager.install(api)
    with manager.running(api, info["kubeconfig"], folder):
        _restart_operator(api)
        yield folder


@pytest.fixture(scope="module", autouse=True)
def quota(kueue: pathlib.Path, api: apiserver.ApiServer) -> Iterator[None]:
    """Have one GPU and one FPGA on the real node, flavours of both, and a queue with one each."""
    with contextlib.ExitStack() as stack:
        for class_, (type_, resource) in CLASSES.items():
            stack.enter_context(devices.on_real_node(api, resource, 1))
            stack.enter_context(devices.class_(api, class_, resource, type=type_))
        node = f"{devices.NODES}/{settings.NODE}"
        _label(api, node, {MARK.format(each): "true" for each in CLASSES})
        stack.callback(_label, api, node, {MARK.format(each): None for each in CLASSES})
        for kind, body in _queues():
            name = body["metadata"]["name"]
            api.create(f"{GROUP}/{kind}", body)
            stack.callback(api.delete, f"{GROUP}/{kind}/{name}")
        yield


@pytest.fixture
def queued(api: apiserver.ApiServer) -> Iterator[Queued]:
    """Return a namespace with a queue, whose Jobs Kueue manages."""
    found = Queued(api, conftest.create_namespace(api).name)
    _label(api, f"{namespaces.PATH}/{found.name}", objects.MANAGED)
    api.create(
        f"{GROUP}/namespaces/{found.name}/localqueues",
        {**_head("LocalQueue", QUEUE), "spec": {"clusterQueue": "trainshed-tests"}},
    )
    yield found
    for job in api.get(found.jobs)["items"]:
        api.delete(f"{found.jobs}/{job['metadata']['name']}")
    found.delete()


class Queued(conftest.Namespace):
    """A namespace whose jobs wait in a queue."""

    def submit(
        self, name: str, spec: Body, *, class_: str = "queued-gpu", priority: str = ""
    ) -> None:
        """Create a TrainingJob in the queue."""
        marks = {"kueue.x-k8s.io/queue-name": QUEUE}
        if priority:
            marks["kueue.x-k8s.io/priority-class"] = priority
        body = {
            "apiVersion": "trainshed.dev/v1alpha1",
            "kind": "TrainingJob",
            "metadata": {"name": name, "labels": marks},
            "spec": {**spec, "accelerator": {"class": class_}},
        }
        self.api.create(self.jobs, body)

    def reaches(self, name: str, phase: str, *, seconds: float = 120) -> Body:
        """Return the status of a job once it is in a phase."""
        return self.until(
            name,
            lambda status: status.get("phase") == phase,
            what=f"{name} to be {phase}",
            seconds=seconds,
        )


def test_two_jobs_that_exceed_the_quota_run_one_after_the_other(queued: Queued) -> None:
    queued.submit("first", steps(100))
    first = queued.reaches("first", "Running", seconds=180)
    queued.submit("second", steps(10))

    told = queued.told("second", "Admitted", "WaitingForQuota")

    assert condition(first, "Admitted")["status"] == "True"
    assert GPU in told, told
    assert "queued-gpu" in told, told
    assert queued.reaches("second", "Queued")["attempts"] == {"current": 1}
    ended = [queued.finished(name, seconds=240) for name in ("first", "second")]
    assert [each["phase"] for each in ended] == ["Succeeded", "Succeeded"], ended
    assert ended[0]["completionTime"] <= ended[1]["startTime"]
    assert ended[1]["timeline"]["queued"] > 0


def test_each_flavour_puts_its_own_node_labels_onto_the_job(queued: Queued) -> None:
    for class_ in CLASSES:
        queued.submit(class_, steps(5), class_=class_)

    ended = {class_: queued.finished(class_, seconds=240) for class_ in CLASSES}

    assert {each["phase"] for each in ended.values()} == {"Succeeded"}, ended
    for class_ in CLASSES:
        job = queued.api.get(f"{queued.workloads}/{class_}-1")
        assert job["spec"]["template"]["spec"]["nodeSelector"][MARK.format(class_)] == "true"


def test_a_job_of_higher_priority_takes_the_quota_and_the_other_starts_anew(
    queued: Queued,
) -> None:
    queued.submit("low", steps(300), priority="trainshed-tests-low")
    # Kubernetes cuts its moments to seconds: what it had is nothing before one has gone by.
    before = queued.until(
        "low",
        lambda status: (status.get("progress") or {}).get("step", 0) >= 20,
        what="low to train for two seconds",
        seconds=180,
    )

    queued.submit("high", steps(5), priority="trainshed-tests-high")

    told = queued.told("low", "Admitted", "Preempted", seconds=60)
    assert "reempted to accommodate" in told
    taken = queued.reaches("low", "Queued")
    assert "startTime" not in taken
    assert condition(taken, "Running")["reason"] == "NotAdmitted"
    assert queued.finished("high", seconds=180)["phase"] == "Succeeded"
    after = queued.finished("low", seconds=240)
    assert after["phase"] == "Succeeded", after
    assert (before["attempts"]["current"], after["attempts"]["current"]) == (1, 2)
    assert after["attempts"]["admittedAt"] > before["attempts"]["admittedAt"]
    assert after["attempts"]["earlierDeviceSeconds"] > 0, (before, taken, after)
    assert "earlierUnseen" not in after["attempts"], after
    (job,) = [
        each
        for each in queued.api.get(queued.workloads)["items"]
        if each["metadata"]["name"].startswith("low")
    ]
    assert job["metadata"]["name"] == "low-1"


def test_a_person_holds_a_job_by_its_workload_and_lets_it_go_on(queued: Queued) -> None:
    queued.submit("held", steps(40))
    queued.reaches("held", "Running", seconds=180)
    path = f"{GROUP}/namespaces/{queued.name}/workloads"
    (workload,) = queued.api.get(path)["items"]
    place = f"{path}/{workload['metadata']['name']}"

    queued.api.request("PATCH", place, {"spec": {"active": False}})

    told = queued.told("held", "Admitted", "Deactivated", seconds=60)
    assert f"kubectl patch workload {workload['metadata']['name']}" in told
    queued.reaches("held", "Suspended")
    queued.api.request("PATCH", place, {"spec": {"active": True}})
    ended = queued.finished("held", seconds=240)
    assert (ended["phase"], ended["attempts"]["current"]) == ("Succeeded", 2), ended


def test_a_queue_that_is_not_there_is_told(queued: Queued) -> None:
    queued.api.delete(f"{GROUP}/namespaces/{queued.name}/localqueues/{QUEUE}")
    queued.submit("lost", steps(5))

    told = queued.told("lost", "Admitted", "Inadmissible", seconds=60)

    assert f"LocalQueue {QUEUE}" in told


def test_a_job_without_a_queue_is_held_where_kueue_manages_all_jobs(queued: Queued) -> None:
    queued.apply("plain", steps(5))

    told = queued.told("plain", "Admitted", "Held", seconds=90)

    assert "kueue.x-k8s.io/queue-name" in told
    queued.reaches("plain", "Suspended")


def steps(number: int) -> Body:
    """Return the spec of a script of so many steps, ten a second."""
    wanted = {"resources": {"cpu": "100m", "memory": "512Mi"}}
    return conftest.script(STEPS.format(steps=number), **wanted)


def condition(status: Body, type_: str) -> Body:
    """Return one condition of a status."""
    found = conftest.condition(status, type_)
    assert found is not None, json.dumps(status)
    return found


def _queues() -> Iterator[tuple[str, Body]]:
    """Yield Kueue's objects of the whole cluster, in the order in which they are made."""
    for class_ in CLASSES:
        flavor = {"nodeLabels": {MARK.format(class_): "true"}}
        yield "resourceflavors", {**_head("ResourceFlavor", class_), "spec": flavor}
    for name, value in (("low", 10), ("high", 1000)):
        head = _head("WorkloadPriorityClass", f"trainshed-tests-{name}")
        yield "workloadpriorityclasses", {**head, "value": value, "description": name}
    plenty = {"cpu": "100", "memory": "1000Gi"}
    flavors = [
        {
            "name": class_,
            "resources": [
                {"name": name, "nominalQuota": quota}
                for name, quota in {
                    **plenty,
                    **{each: str(int(each == resource)) for _, each in CLASSES.values()},
                }.items()
            ],
        }
        for class_, (_, resource) in CLASSES.items()
    ]
    covered = [*plenty, *(resource for _, resource in CLASSES.values())]
    spec = {
        "namespaceSelector": {},
        "preemption": {"withinClusterQueue": "LowerPriority"},
        "resourceGroups": [{"coveredResources": covered, "flavors": flavors}],
    }
    yield "clusterqueues", {**_head("ClusterQueue", "trainshed-tests"), "spec": spec}


def _head(kind: str, name: str) -> Body:
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": {"name": name}}


def _label(api: apiserver.ApiServer, path: str, marks: dict[str, Any]) -> None:
    api.request("PATCH", path, {"metadata": {"labels": marks}})


def _restart_operator(api: apiserver.ApiServer) -> None:
    """Have another pod of the operator lead: one that finds Kueue's API at its start."""
    pods = apiserver.PODS.format(namespace="trainshed-system")
    chosen = {"labelSelector": "app.kubernetes.io/component=operator"}
    old = [each["metadata"]["name"] for each in api.get(pods, **chosen)["items"]]
    for name in old:
        api.delete(f"{pods}/{name}")
    lease = api.wait(
        "/apis/coordination.k8s.io/v1/namespaces/trainshed-system/leases",
        "trainshed-operator",
        lambda each: each["spec"].get("holderIdentity") not in ("", None, *old),
        what="a new operator to lead",
        seconds=90,
    )
    api.wait(pods, lease["spec"]["holderIdentity"], _ready, what="the new operator", seconds=90)


def _ready(pod: Body) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
