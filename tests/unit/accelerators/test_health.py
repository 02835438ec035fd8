"""What nodes say of their health, as clouds and checks write it, and what follows for a job."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders, places
from tests.unit.core import wishes
from tests.unit.workloads import test_pod as pods
from trainshed.accelerators import nodes, selecting

GPU = "nvidia.com/gpu"


def node(
    name: str = "a", *, conditions: dict[str, str] | None = None, **fields: Any
) -> places.Body:
    """Return a node with devices, and conditions besides Ready."""
    body = places.node(name, {GPU: 4}, **fields)
    body["status"]["conditions"] += [
        {"type": type_, "status": status} for type_, status in (conditions or {}).items()
    ]
    return body


FAULTS: dict[str, tuple[places.Body, str]] = {
    "AKS: a GPU is missing": (node(conditions={"GPUMissing": "True"}), "GPUMissing"),
    "AKS: XID errors": (node(conditions={"XIDErrors": "True"}), "XIDErrors"),
    "EKS: the devices are not ready": (
        node(conditions={"AcceleratedHardwareReady": "False"}),
        "not AcceleratedHardwareReady",
    ),
    "Nebius: an error of a GPU": (node(conditions={"NebiusGPUError": "True"}), "NebiusGPUError"),
    "a kernel that hangs": (node(conditions={"KernelDeadlock": "True"}), "KernelDeadlock"),
    "a label of a health check": (
        node(labels_={"nvidia.com/gpu.health": "unhealthy"}),
        "labelled nvidia.com/gpu.health=unhealthy",
    ),
    "HyperPod: to be replaced": (
        node(
            labels_={
                "sagemaker.amazonaws.com/node-health-status": "UnschedulablePendingReplacement"
            }
        ),
        "labelled sagemaker.amazonaws.com/node-health-status=UnschedulablePendingReplacement",
    ),
}
PASSING: dict[str, tuple[places.Body, str]] = {
    "cordoned": (node(unschedulable=True), "cordoned"),
    "not ready": (node(ready=False), "not ready"),
    "out of disk": (node(conditions={"DiskPressure": "True"}), "DiskPressure"),
    "GKE: maintenance": (
        node(labels_={"cloud.google.com/active-node-maintenance": "ONGOING"}),
        "labelled cloud.google.com/active-node-maintenance=ONGOING",
    ),
    "HyperPod: to be restarted": (
        node(labels_={"sagemaker.amazonaws.com/node-health-status": "UnschedulablePendingReboot"}),
        "labelled sagemaker.amazonaws.com/node-health-status=UnschedulablePendingReboot",
    ),
}
SOUND: dict[str, places.Body] = {
    "all is well": node(conditions={"GPUMissing": "False", "AcceleratedHardwareReady": "True"}),
    "nobody knows": node(
        conditions={"XIDErrors": "Unknown", "AcceleratedHardwareReady": "Unknown"}
    ),
    "a condition that is not known": node(conditions={"Odd": "True"}),
    "HyperPod: sound": node(labels_={"sagemaker.amazonaws.com/node-health-status": "Schedulable"}),
}


@pytest.mark.parametrize(("body", "said"), list(FAULTS.values()), ids=list(FAULTS))
def test_a_node_that_says_that_it_is_broken_is_no_room(body: places.Body, said: str) -> None:
    placed = wishes.refused({"class": "l4"}, places.of(places.gpu("l4"), body))

    assert nodes.shape(body).faults == (said,)
    assert placed.reason == "NoNodeFits"
    assert f"1 node would do but says that it is broken ({said})" in placed.message


@pytest.mark.parametrize(("body", "said"), list(PASSING.values()), ids=list(PASSING))
def test_what_passes_by_itself_is_waited_for(body: places.Body, said: str) -> None:
    found, _ = wishes.decided({"class": "l4"}, places.of(places.gpu("l4"), body))

    assert (nodes.shape(body).problems, nodes.shape(body).faults) == ((said,), ())
    assert found.placement is not None


@pytest.mark.parametrize("body", list(SOUND.values()), ids=list(SOUND))
def test_a_sound_node_has_no_problem(body: places.Body) -> None:
    assert nodes.shape(body).problems == ()


def test_a_fallback_is_taken_where_all_nodes_are_broken() -> None:
    at = places.of(places.gpu("l4"), node(conditions={"GPUMissing": "True"}))

    found, _ = wishes.decided({"class": "l4", "fallback": ["cpu"]}, at)

    assert found.placement is not None
    assert (found.placement.type, found.placement.fell_back_from) == ("cpu", "l4")


def test_a_node_that_was_mended_is_room_again() -> None:
    at = places.of(places.gpu("l4"), node(conditions={"GPUMissing": "True"}))

    at.put_node("a", nodes.shape(node()))

    assert wishes.decided({"class": "l4"}, at)[0].placement is not None


@pytest.mark.parametrize(
    "body",
    [body for body, said in (*FAULTS.values(), *PASSING.values()) if said.startswith("labelled")],
    ids=lambda body: str(sorted(body["metadata"]["labels"].items())[-1]),
)
def test_pods_with_devices_keep_off_nodes_whose_labels_tell(body: places.Body) -> None:
    job = builders.training_job().command("x").spec(accelerator={"class": "nvidia-l4"})
    affinity = pods.pod_of(job)["spec"]["affinity"]

    assert not selecting.admitted(nodes.shape(body), affinity)
    assert selecting.admitted(nodes.shape(node()), affinity)


def test_pods_on_cpus_go_anywhere() -> None:
    assert "affinity" not in pods.pod_of(builders.training_job().command("x"))["spec"]
