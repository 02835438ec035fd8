"""Devices by dynamic resource allocation, and devices beside the accelerator."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.accelerators import index
from trainshed.core import observe, observed, plan

GPU = "nvidia.com/gpu"
DRIVEN = {"driver": "here"}
AT = places.of(
    places.class_(
        "claimed", "gpu", deviceClassName="gpu.example.com", match={"nodeLabels": DRIVEN}
    ),
    places.gpu("l4"),
    places.node("a", labels_=DRIVEN),
    places.node("b", {GPU: 4}),
    places.node("c", {GPU: 4, "rdma/hca": 2}, cpu="4"),
)


def decided(asked: Any, at: index.Index = AT, **more: Any) -> plan.Plan:
    job = builders.training_job().script().spec(accelerator=asked, **more)
    return passes.decided(observed.Observation(job=job.view(), places=at, build=facts.built()))


def refused(asked: Any, at: index.Index = AT, **more: Any) -> tuple[str, str]:
    wanted = decided(asked, at, **more)
    assert wanted.creates == ()
    _, reason, message = passes.condition(wanted, "Placed")
    return reason, message


def pod_of(wanted: plan.Plan) -> Any:
    return wanted.creates[-1]["spec"]["template"]["spec"]


def test_a_class_of_a_driver_has_its_devices_claimed_as_many_as_are_asked() -> None:
    wanted = decided({"class": "claimed", "count": 3})

    template, job = wanted.creates
    assert (template["apiVersion"], template["kind"]) == (
        "resource.k8s.io/v1",
        "ResourceClaimTemplate",
    )
    assert template["metadata"]["name"] == job["metadata"]["name"] == "gestures-1"
    assert template["metadata"]["ownerReferences"] == job["metadata"]["ownerReferences"]
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {
        "deviceClassName": "gpu.example.com",
        "allocationMode": "ExactCount",
        "count": 3,
    }
    pod = pod_of(wanted)
    assert pod["resourceClaims"] == [
        {"name": "accelerator", "resourceClaimTemplateName": "gestures-1"}
    ]
    assert pod["containers"][0]["resources"] == {"claims": [{"name": "accelerator"}]}
    assert pod["nodeSelector"] == DRIVEN


def test_the_choice_is_told_with_its_device_class() -> None:
    first = decided({"class": "claimed"})
    job = builders.training_job().script().spec(accelerator={"class": "claimed"})
    seen = observed.Observation(job=job.view(), places=AT)
    stored = passes.stored(seen, passes.decided(seen))
    later = observed.Observation(job=stored.job, places=AT, build=facts.built())

    wanted = passes.decided(later)

    assert passes.read(passes.decided(seen)).dump()["placement"] == {
        "type": "gpu",
        "class": "claimed",
        "deviceClassName": "gpu.example.com",
        "count": 1,
        "nodes": [],
    }
    assert [each["kind"] for each in wanted.creates] == [each["kind"] for each in first.creates]


def test_a_job_may_have_a_template_of_its_own() -> None:
    wanted = decided({"class": "claimed", "count": 2, "resourceClaimTemplateName": "mine"})

    (job,) = wanted.creates
    (claim,) = job["spec"]["template"]["spec"]["resourceClaims"]
    assert claim["resourceClaimTemplateName"] == "mine"
    variables = {each["name"]: each.get("value") for each in pod_of(wanted)["containers"][0]["env"]}
    assert variables["TRAINSHED_PROCESSES"] == "2"


def test_a_template_of_its_own_is_not_for_a_device_plugin() -> None:
    reason, message = refused({"class": "l4", "resourceClaimTemplateName": "mine"})

    assert reason == "AcceleratorClassContradicted"
    assert "a class that has deviceClassName" in message


def test_of_a_type_a_template_takes_the_class_that_claims() -> None:
    wanted = decided({"type": "gpu", "resourceClaimTemplateName": "mine"})

    assert passes.read(wanted).dump()["placement"]["class"] == "claimed"
    assert pod_of(wanted)["resourceClaims"][0]["resourceClaimTemplateName"] == "mine"


def test_a_job_that_falls_back_to_the_cpu_claims_nothing() -> None:
    nobody = places.of(
        places.class_(
            "claimed", "gpu", deviceClassName="gpu.example.com", match={"nodeLabels": DRIVEN}
        )
    )

    wanted = decided(
        {"class": "claimed", "resourceClaimTemplateName": "mine", "fallback": ["cpu"]}, nobody
    )

    assert "resourceClaims" not in pod_of(wanted)


def test_nodes_of_a_driver_are_found_by_their_labels_alone() -> None:
    reason, message = refused({"class": "claimed"}, places.of(*_without_nodes()))

    assert reason == "NoNodeFits"
    assert "label driver=here" in message


def _without_nodes() -> list[places.Body]:
    return [
        places.class_(
            "claimed", "gpu", deviceClassName="gpu.example.com", match={"nodeLabels": DRIVEN}
        )
    ]


def test_further_devices_are_passed_through_and_their_nodes_found() -> None:
    wanted = decided({"class": "l4", "count": 4}, resources={"devices": {"rdma/hca": 1}})

    assert pod_of(wanted)["containers"][0]["resources"]["limits"] == {GPU: "4", "rdma/hca": "1"}
    reason, message = refused(
        {"class": "l4", "count": 4}, resources={"devices": {"rdma/hca": 3, "rdma/other": 1}}
    )
    assert reason == "NoNodeFits"
    assert "2 nodes of class l4 would do, but none has rdma/hca: 3, rdma/other: 1" in message


def test_further_devices_bound_what_a_node_holds() -> None:
    asked = {"class": "l4", "count": 1}

    assert decided(asked, replicas=2, resources={"devices": {"rdma/hca": 2}}).creates
    reason, _ = refused(asked, resources={"devices": {"rdma/hca": 3}})
    assert reason == "NoNodeFits"


def test_a_job_on_the_cpu_may_have_devices_too() -> None:
    wanted = decided(None, resources={"memory": "1Gi", "devices": {"rdma/hca": 1}})

    assert pod_of(wanted)["containers"][0]["resources"]["limits"] == {
        "memory": "1Gi",
        "rdma/hca": "1",
    }


def test_the_accelerators_own_devices_are_asked_for_by_its_count() -> None:
    reason, message = refused({"class": "l4"}, resources={"devices": {GPU: 1}})

    assert reason == "AcceleratorClassContradicted"
    assert "accelerator.count" in message


@pytest.mark.parametrize("first", [GPU, "rdma/hca"])
def test_devices_in_use_are_those_of_the_accelerator(first: str) -> None:
    limits = dict(sorted({GPU: "4", "rdma/hca": "1"}.items(), key=lambda each: each[0] != first))
    body = builders.pod().build()
    template = decided({"class": "l4", "count": 4}, resources={"devices": {"rdma/hca": 1}}).creates[
        -1
    ]["spec"]["template"]
    body["metadata"]["annotations"] = template["metadata"]["annotations"]
    body["spec"]["containers"] = [{"name": "trainer", "resources": {"limits": limits}}]

    view = observe.pod(body)

    assert (view.resource, view.devices) == (GPU, 4)
