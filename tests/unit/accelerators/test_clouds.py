"""The chart's classes on nodes as clouds and plugins make them: see clouds/*.yaml for sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests import builders, places
from tests import clouds as tables
from trainshed.accelerators import choices, nodes, selecting, tolerating
from trainshed.api import accelerator_class, spec
from trainshed.core import decide, observed, policy
from trainshed.workloads import pod

Body = dict[str, Any]
SETTINGS = policy.Policy(base_images={"pytorch": builders.BASE})
DEVICES = {
    name: each
    for name, each in tables.CLASSES.items()
    if each.problem == "" and each.type is not accelerator_class.Type.CPU
}


CLOUDS = [pytest.param(told, id=id_) for id_, told in tables.nodes()]


def body_of(told: Mapping[str, Any]) -> Body:
    """Return the Node."""
    return places.node(
        "node-1", told["allocatable"], labels_=told["labels"], taints=told.get("taints", ())
    )


def chosen(told: Mapping[str, Any], **accelerator: Any) -> Body:
    """Return what a job gets where this is the only node, as its status has it."""
    at = places.of(*tables.SHIPPED, body_of(told))
    tolerates = [{"operator": "Exists"}] if not told.get("borne", True) else []
    job = (
        builders.training_job().cnn().spec(accelerator=accelerator, pod={"tolerations": tolerates})
    )
    seen = observed.Observation(job=job.view(), places=at)
    wanted = decide.decide(seen, now=builders.T0 + 1, settings=SETTINGS)
    assert wanted.status is not None
    found: Body = wanted.status.get("placement") or {}
    return found


@pytest.mark.parametrize("told", CLOUDS)
def test_a_node_is_of_the_right_classes(told: Mapping[str, Any]) -> None:
    shape = nodes.shape(body_of(told))

    of = {name for name, class_ in DEVICES.items() if class_.resource(shape) is not None}

    assert of == set(told["classes"])


@pytest.mark.parametrize("told", CLOUDS)
def test_a_job_that_asks_for_a_type_gets_the_first_of_them(told: Mapping[str, Any]) -> None:
    if not told["classes"]:
        assert chosen(told, type="gpu") == chosen(told, type="fpga") == {}
        return
    first = told["classes"][0]

    found = chosen(told, type=str(DEVICES[first].type))

    assert found["class"] == first
    assert found["resourceName"] == told.get("resource", next(iter(told["allocatable"])))


@pytest.mark.parametrize("told", CLOUDS)
def test_the_pods_of_each_class_may_run_there(told: Mapping[str, Any]) -> None:
    shape = nodes.shape(body_of(told))
    job = spec.TrainingJobSpec.model_validate(builders.training_job().cnn().build()["spec"])
    for name, class_ in DEVICES.items():
        resource = class_.resource(shape)
        choice = choices.of(class_, resource=resource or "", count=1)
        where = pod.placement(job, choice)
        selected = selecting.selected(shape, where.get("nodeSelector", {})) and selecting.admitted(
            shape, where.get("affinity")
        )
        if resource is not None:
            assert selected, name
            assert class_.spec is not None
            unborne = tolerating.unborne(shape.taints, class_.spec.tolerations or ())
            assert (unborne is None) == told.get("borne", True), name
        elif choice.alternatives:
            # Its labels, not its devices alone, keep pods of another class off.
            assert not selected or class_.lacks(shape), name


def test_amd_com_gpu_is_never_an_fpga() -> None:
    shape = nodes.shape(places.node("node-1", {"amd.com/gpu": 8}))

    of = [class_.type for class_ in DEVICES.values() if class_.resource(shape) is not None]

    assert set(of) == {accelerator_class.Type.GPU}


def test_every_class_of_a_product_says_what_it_can_do_and_has_a_node_here() -> None:
    products = {
        name
        for name, each in DEVICES.items()
        if each.spec is not None and each.spec.match is not None and each.spec.match.any_node_labels
    }
    seen = {name for each in CLOUDS for name in each.values[0]["classes"]}

    assert products >= {
        *("nvidia-t4", "nvidia-l4", "nvidia-a100-40gb", "nvidia-a100-80gb", "nvidia-h100"),
        *("nvidia-h200", "nvidia-b200", "amd-mi300x"),
    }
    assert set(DEVICES) == seen
    for name in products:
        found = DEVICES[name].spec
        assert found is not None
        assert found.peak_teraflops, name
        assert found.watts, name
