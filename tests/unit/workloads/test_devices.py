"""What a pod has of its accelerator beside the devices: a runtime, shared memory, words of NCCL."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders
from tests.unit.workloads import test_golden as golden
from tests.unit.workloads import test_pod as pods

JOB = builders.training_job


def gpus(count: int = 1, **spec: Any) -> builders.TrainingJobBuilder:
    """Return a job on GPUs of a class."""
    return JOB().cnn().spec(accelerator={"class": "nvidia-l4", "count": count}, **spec)


def shared(job: builders.TrainingJobBuilder) -> Any:
    """Return the volume at /dev/shm; None where the container's own is left."""
    pod = pods.pod_of(job)["spec"]
    mounts = {each["mountPath"]: each["name"] for each in pods.trainer(job)["volumeMounts"]}
    volumes = {each["name"]: each for each in pod.get("volumes", ())}
    name = mounts.get("/dev/shm")
    return volumes[name]["emptyDir"] if name is not None else None


def test_the_runtime_class_of_a_class_is_its_pods_and_nobody_elses() -> None:
    assert pods.pod_of(gpus())["spec"]["runtimeClassName"] == "nvidia"
    assert "runtimeClassName" not in pods.pod_of(JOB().cnn())["spec"]


@pytest.mark.parametrize(
    ("job", "wanted"),
    [
        (gpus(1), None),
        (gpus(2), {"medium": "Memory"}),
        (JOB().cnn(), None),
        (
            JOB().cnn().spec(resources={"memory": "4Gi", "sharedMemory": "1Gi"}),
            {"medium": "Memory", "sizeLimit": "1Gi"},
        ),
        (
            gpus(2, resources={"memory": "4Gi", "sharedMemory": "1Gi"}),
            {"medium": "Memory", "sizeLimit": "1Gi"},
        ),
    ],
    ids=["a GPU", "two GPUs", "a CPU", "a CPU that asks", "two GPUs that ask"],
)
def test_memory_is_shared_where_several_gpus_need_it_or_a_job_asks(
    job: builders.TrainingJobBuilder, wanted: Any
) -> None:
    assert shared(job) == wanted


def test_what_nccl_is_asked_to_tell_reaches_every_pod() -> None:
    asked = [
        {"name": "NCCL_DEBUG", "value": "INFO"},
        {"name": "NCCL_DEBUG_SUBSYS", "value": "INIT,NET"},
    ]
    job = gpus(2, pod={"env": asked}).replicas(2)

    (template,) = [
        each["spec"]["template"] for each in golden.children(job) if each["kind"] == "Job"
    ]

    (container,) = template["spec"]["containers"]
    assert [each for each in container["env"] if each["name"].startswith("NCCL")] == asked


def test_nccl_is_quiet_where_nobody_asks() -> None:
    assert not [each for each in pods.variables(gpus(2)) if each.startswith("NCCL")]


def test_gpus_are_hidden_from_a_job_on_the_cpu_and_left_to_their_plugin_elsewhere() -> None:
    assert pods.variables(JOB().cnn())["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "NVIDIA_VISIBLE_DEVICES" not in pods.variables(gpus())


def test_ports_of_an_rdma_network_are_asked_for_beside_the_gpus() -> None:
    job = gpus(4, resources={"devices": {"rdma/hca": 1}})

    assert pods.trainer(job)["resources"]["limits"] == {"nvidia.com/gpu": "4", "rdma/hca": "1"}
