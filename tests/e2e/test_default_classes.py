"""Each class of the chart gets a node of its own, among nodes as clouds and plugins make them.

The nodes are those of the unit tests' tables, all at once: each is a decoy to all other classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hack import apiserver
from tests import clouds
from tests.e2e import conftest, fakes
from trainshed.api import accelerator_class

Type = accelerator_class.Type
MARK = "clouds.trainshed.example/node"
"""Label and taint of these nodes: no pod of another test comes, and none of these leaves."""
TABLE = {f"clouds-{number:02d}": told for number, (_, told) in enumerate(clouds.nodes())}
TYPES = ("gpu", "fpga", "cpu", "auto")


@dataclass(frozen=True)
class Placed:
    """What came of a job: its status and its pod."""

    status: conftest.Body
    pod: conftest.Body

    @property
    def node(self) -> clouds.Told:
        """Return what the table says of its node."""
        return TABLE[self.pod["spec"]["nodeName"]]

    @property
    def devices(self) -> conftest.Body:
        """Return the devices that its container asked for."""
        limits = self.container["resources"].get("limits", {})
        return {name: count for name, count in limits.items() if "/" in name}

    @property
    def container(self) -> conftest.Body:
        (found,) = self.pod["spec"]["containers"]
        return dict(found)

    @property
    def visible(self) -> list[str]:
        """Return what the container is told of the GPUs that it may see."""
        named = (each for each in self.container["env"] if each["name"] == "NVIDIA_VISIBLE_DEVICES")
        return [str(each["value"]) for each in named]


@pytest.fixture(scope="module")
def placed(api: apiserver.ApiServer) -> Iterator[dict[str, Placed]]:
    """Run a job of each class and of each type, and return what came of each, by its name."""
    with fakes.standing(api, [body(name, told) for name, told in TABLE.items()]):
        namespace = conftest.create_namespace(api)
        try:
            asked = {name: {"class": name} for name in clouds.CLASSES}
            asked |= {f"type-{type_}": {"type": type_} for type_ in TYPES}
            for name, accelerator in asked.items():
                namespace.apply(name, job(accelerator))
            yield {name: ended(namespace, name) for name in asked}
        finally:
            namespace.delete()


def body(name: str, told: clouds.Told) -> conftest.Body:
    """Return a node of the table."""
    only = {"key": MARK, "value": "true", "effect": "NoSchedule"}
    taints = [*told.get("taints", ()), only]
    return fakes.node(name, told["allocatable"], {**told["labels"], MARK: "true"}, taints)


def job(accelerator: conftest.Body) -> conftest.Body:
    """Return the spec of a job that nothing is built for, and that ends at once."""
    return {
        "framework": "custom",
        "image": {"ref": "registry.example/none:1"},
        "command": ["true"],
        "accelerator": accelerator,
        "pod": {
            "nodeSelector": {MARK: "true"},
            "tolerations": [*fakes.TOLERATIONS, {"key": MARK, "operator": "Exists"}],
        },
    }


def ended(namespace: conftest.Namespace, name: str) -> Placed:
    """Return what came of a job that had a node."""
    status = namespace.finished(name)
    assert status["phase"] == "Succeeded", status
    (pod,) = namespace.api.get(namespace.pods, labelSelector=f"trainshed.dev/job={name}")["items"]
    return Placed(status, pod)


DEVICES = [name for name, each in clouds.CLASSES.items() if each.type is not Type.CPU]


@pytest.mark.parametrize("name", DEVICES)
def test_a_class_gets_a_node_of_its_own_and_asks_for_its_devices(
    placed: dict[str, Placed], name: str
) -> None:
    found = placed[name]

    check(found, name)
    assert found.node.get("borne", True)


@pytest.mark.parametrize("name", DEVICES)
def test_pods_of_a_class_tolerate_what_its_nodes_are_tainted_with(
    placed: dict[str, Placed], name: str
) -> None:
    spec = clouds.CLASSES[name].spec
    assert spec is not None
    tolerated = placed[name].pod["spec"]["tolerations"]

    for each in spec.tolerations or ():
        assert each.dump() in tolerated


@pytest.mark.parametrize("type_", ["gpu", "fpga", "auto"])
def test_a_type_gets_a_node_of_the_class_that_was_chosen(
    placed: dict[str, Placed], type_: str
) -> None:
    found = placed[f"type-{type_}"]
    chosen = found.status["placement"]["class"]

    check(found, chosen)
    assert str(clouds.CLASSES[chosen].type) == {"auto": "gpu"}.get(type_, type_)


@pytest.mark.parametrize("name", ["cpu", "type-cpu"])
def test_a_job_of_the_cpu_asks_for_no_device(placed: dict[str, Placed], name: str) -> None:
    found = placed[name]

    placement = found.status["placement"]
    assert (placement["class"], placement["type"]) == ("cpu", "cpu")
    assert "resourceName" not in placement
    assert found.devices == {}
    assert found.visible == ["void"]


def check(found: Placed, name: str) -> None:
    """Check that a job ran on a node of a class, beside one of its devices."""
    class_ = clouds.CLASSES[name]
    assert name in found.node["classes"], found.node
    placement: dict[str, Any] = found.status["placement"]
    assert placement["nodes"] == [found.pod["spec"]["nodeName"]]
    assert (placement["class"], placement["type"]) == (name, str(class_.type))
    resource = placement["resourceName"]
    assert found.devices == {resource: "1"}
    assert class_.has(resource)
    assert found.node["allocatable"][resource] > 0
    # A job without a GPU must not see one, where its image asks for all.
    assert found.visible == ([] if class_.type is Type.GPU else ["void"])
