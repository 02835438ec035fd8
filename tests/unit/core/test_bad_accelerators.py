"""What people write wrong of accelerators: each has a reason, and a sentence that says what to do.

Beside what `test_judging` and `test_stock` have, and what the API server refuses at apply.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes, test_pending, wishes
from trainshed.core import observed

GPU = "nvidia.com/gpu"


def affinity(operator: str, *values: str) -> dict[str, Any]:
    """Return a job's own demand on the label by which nodes of the class are known."""
    (key,) = places.L4
    asked: dict[str, Any] = {"key": key, "operator": operator}
    terms = [{"matchExpressions": [asked | ({"values": list(values)} if values else {})]}]
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    return {"affinity": {"nodeAffinity": {required: {"nodeSelectorTerms": terms}}}}


@pytest.mark.parametrize(
    "pod",
    [affinity("In", "nvidia-t4"), affinity("NotIn", "nvidia-l4"), affinity("DoesNotExist")],
    ids=["another kind", "all but this kind", "none at all"],
)
def test_an_affinity_against_the_class_is_told_with_the_fields_that_ask_for_it(
    pod: dict[str, Any],
) -> None:
    at = places.of(
        places.gpu("l4", node_labels=places.L4), places.node("a", {GPU: 1}, labels_=places.L4)
    )

    said = wishes.refused({"class": "l4"}, at, pod=pod)

    assert (said.status, said.reason) == ("False", "NoNodeFits")
    assert said.message.startswith("1 node of class l4 would do, but none is what")
    assert "pod.affinity" in said.message
    assert "create the job anew without them" in said.message


def test_a_resource_that_no_node_has_is_told_before_anything_is_built() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1, "rdma/hca": 1}))

    said = wishes.refused({"class": "l4"}, at, resources={"devices": {"rdma/hac": 1}})

    assert said.reason == "NoNodeFits"
    assert said.message == (
        "1 node of class l4 would do, but none has rdma/hac: 1 of resources.devices; create the job"
        " anew without, or see that the device plugin runs there"
    )


def test_a_resource_that_no_node_has_is_told_of_a_job_on_the_cpu_as_well() -> None:
    refused = "0/1 nodes are available: 1 Insufficient rdma/hac."
    seen = test_pending.waiting(
        refused, places.node("a", {"rdma/hca": 1}), resources={"devices": {"rdma/hac": 1}}
    )

    said = test_pending.told(seen)

    assert (said.status, said.reason) == ("False", "NoNodeFits")
    assert "1 node would do, but none has rdma/hac: 1 of resources.devices" in said.message
    assert "(the scheduler: 0/1 nodes are available: 1 Insufficient rdma/hac)" in said.message


def test_a_class_whose_resource_is_misspelt_says_what_its_nodes_lack() -> None:
    at = places.of(
        places.gpu("l4", r"nvidia\.com/gpus", node_labels=places.L4),
        places.node("a", {GPU: 1}, labels_=places.L4),
    )

    said = wishes.refused({"class": "l4"}, at)

    assert said.reason == "NoNodeFits"
    assert r"without a device that matches nvidia\.com/gpus" in said.message


def running() -> observed.Observation:
    """Return a job that trains on a GPU, its status stored."""
    found = builders.observation(
        builders.training_job().cnn().spec(accelerator={"class": "l4"}),
        build=facts.built(),
        workload=builders.job().active(),
        pods=[builders.pod().on_node("a").running()],
        places=places.of(places.gpu("l4"), places.node("a", {GPU: 1})),
    )
    return passes.stored(found, passes.decided(found))


def test_a_class_that_is_deleted_under_a_running_job_changes_nothing() -> None:
    found = running()
    assert found.places is not None

    found.places.drop_class("l4")

    wanted = passes.decided(found)
    assert (wanted.status, wanted.creates, wanted.waits_for_nodes) == (None, (), False)


def test_a_class_that_is_deleted_while_its_pod_waits_leaves_the_schedulers_words() -> None:
    found = running()
    assert found.places is not None
    found.places.drop_class("l4")
    waits = dataclasses.replace(
        found, pods=(builders.pod().unschedulable(test_pending.NO_GPU).view(),)
    )

    said = test_pending.told(waits)

    assert said.reason == "InsufficientNow"
    assert "1 Insufficient nvidia.com/gpu" in said.message


@pytest.mark.parametrize("count", [9, 64])
def test_more_devices_than_any_node_has_are_told_with_the_largest(count: int) -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 8}), places.node("b", {GPU: 2}))

    said = wishes.refused({"class": "l4", "count": count}, at)

    assert said.reason == "NoNodeFits"
    assert said.message == (
        f"2 nodes have nvidia.com/gpu; the largest has 8, the job asks {count}; create it anew with"
        " a lower accelerator.count and more replicas"
    )
