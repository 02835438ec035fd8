"""Devices by dynamic resource allocation, as the API server and its controllers take them.

No driver is there, so that nothing is allocated: what is shown is that the objects are right.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest

from hack import apiserver
from tests import builders, places
from tests.cluster import conftest
from tests.unit.workloads import test_golden as golden

TEMPLATES = "/apis/resource.k8s.io/v1/namespaces/{}/resourceclaimtemplates"
CLAIMS = "/apis/resource.k8s.io/v1/namespaces/{}/resourceclaims"
CLASSES = "/apis/trainshed.dev/v1alpha1/acceleratorclasses"


def children(namespace: conftest.Namespace, uid: str) -> list[Any]:
    """Return what the operator would post here for a job that claims its devices."""
    found = json.loads(json.dumps(golden.children(golden.JOBS["claimed-gpus"])))
    for each in found:
        each["metadata"]["namespace"] = namespace.name
        each["metadata"]["ownerReferences"][0]["uid"] = uid
    return list(found)


def test_each_pod_gets_a_claim_of_the_template_that_goes_with_the_job(
    namespace: conftest.Namespace,
) -> None:
    body = builders.training_job().script().spec(accelerator={"class": "claimed", "count": 4})
    _, template, job = children(namespace, namespace.apply(body)["metadata"]["uid"])
    templates, claims = TEMPLATES.format(namespace.name), CLAIMS.format(namespace.name)

    namespace.api.create(templates, template, fieldValidation="Strict")
    namespace.api.create(namespace.workloads, job, fieldValidation="Strict")

    with contextlib.closing(namespace.api.watch(claims, timeoutSeconds="60")) as events:
        made = list(itertools.islice((each for each, kind in events if kind == "ADDED"), 2))
    assert len(made) == 2
    for claim in made:
        (request,) = claim["spec"]["devices"]["requests"]
        assert (request["exactly"]["deviceClassName"], request["exactly"]["count"]) == (
            "gpu.example.com",
            4,
        )
    namespace.api.delete(f"{namespace.jobs}/gestures")
    namespace.api.wait_gone(
        templates, "gestures-1", what="the template to be collected", seconds=90
    )


@pytest.mark.parametrize("asked", [{}, {"type": "cpu"}, {"type": "auto"}], ids=str)
def test_a_template_needs_a_class_or_a_type(
    namespace: conftest.Namespace, asked: dict[str, str]
) -> None:
    accelerator = {**asked, "resourceClaimTemplateName": "mine"}

    told = namespace.refusal(builders.training_job().script().spec(accelerator=accelerator))

    assert "goes with accelerator.class, or with type gpu or fpga" in told


@pytest.mark.parametrize("name", ["cpu", "RDMA", "kubernetes.io/x", "requests.nvidia.com/gpu"])
def test_further_devices_are_named_as_plugins_do(namespace: conftest.Namespace, name: str) -> None:
    body = builders.training_job().script().spec(resources={"devices": {name: 1}})

    assert "resources.devices names extended resources" in namespace.refusal(body)


CLASSES_REFUSED: dict[str, dict[str, Any]] = {
    "a plugin's and a driver's": {
        "match": {"resourcePattern": "x/y"},
        "deviceClassName": "gpu.example.com",
    },
    "neither": {},
    "a CPU's": {"type": "cpu", "deviceClassName": "gpu.example.com"},
}


@pytest.mark.parametrize("spec", list(CLASSES_REFUSED.values()), ids=list(CLASSES_REFUSED))
def test_a_class_has_devices_of_one_kind(
    namespace: conftest.Namespace, spec: dict[str, Any]
) -> None:
    body = places.class_("odd", "gpu")
    body["metadata"] = {"name": "odd"}
    body["spec"] |= spec

    with pytest.raises(apiserver.Refused) as caught:
        namespace.api.create(CLASSES, body, dryRun="All")

    assert "either match.resourcePattern, of a device plugin, or deviceClassName" in (
        caught.value.message
    )


def test_a_class_of_a_driver_is_taken(namespace: conftest.Namespace) -> None:
    body = places.class_("driven", "gpu", deviceClassName="gpu.example.com")
    body["metadata"] = {"name": "driven"}

    namespace.api.create(CLASSES, body, dryRun="All", fieldValidation="Strict")
