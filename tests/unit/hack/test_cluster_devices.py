"""Nodes that show devices which they do not have, and what placement makes of them."""

import json
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from hack.cluster import console, devices, fakes, kwok, processes, prometheus, settings
from hack.cluster.providers import kind_manifests, kind_nodes
from tests import builders, clouds, places
from tests.unit.hack import cluster_fakes
from trainshed.accelerators import nodes as shapes
from trainshed.accelerators import tolerating
from trainshed.core import decide, observed, policy

Body = Mapping[str, Any]
CLASSES = {
    "l4": {"nvidia-l4", "nvidia-gpu"},
    "a100": {"nvidia-a100-80gb", "nvidia-gpu"},
    "alveo": {"amd-fpga"},
}
SETTINGS = policy.Policy(base_images={"pytorch": builders.BASE})
KWOK = processes.Component("kwok", ("kwok",))


def by_kind() -> Iterator[Body]:
    """Yield the nodes that kind's workers become by their configuration and the commands."""
    config = kind_manifests.cluster_config(
        registries=pathlib.Path("/s"), prometheus_port=9090, machines=devices.MACHINES
    )
    workers = [each for each in config["nodes"] if each["role"] == "worker"]
    cluster = settings.Settings("probe", pathlib.Path("/s"), pathlib.Path("/c"))
    listed = "probe-control-plane\nprobe-worker2\nprobe-worker\nprobe-worker3\n"
    run = cluster_fakes.Commands({"kind get nodes": listed})
    kind_nodes.Nodes(cluster, run=run).give_devices()
    given = [json.loads(line.partition("--patch=")[2]) for line in run.ran if "patch node" in line]
    for worker, patch in zip(workers, given, strict=True):
        (registered,) = map(yaml.safe_load, worker["kubeadmConfigPatches"])
        yield places.node(
            "probe",
            patch["status"]["allocatable"],
            labels_=worker["labels"],
            taints=registered["nodeRegistration"]["taints"],
        )


NODES = [
    *(
        pytest.param(each.name, devices.node(each), id=f"kwok: {each.name}")
        for each in devices.MACHINES
    ),
    *(
        pytest.param(machine.name, body, id=f"kind: {machine.name}")
        for machine, body in zip(devices.MACHINES, by_kind(), strict=True)
    ),
]


@pytest.mark.parametrize(("name", "node"), NODES)
def test_the_charts_classes_find_the_node(name: str, node: Body) -> None:
    shape = shapes.shape(node)

    found = {each.name: each for each in clouds.CLASSES.values() if each.resource(shape)}

    assert set(found) - {"cpu"} == CLASSES[name]
    for each in CLASSES[name]:
        spec = found[each].spec
        assert spec is not None
        assert tolerating.unborne(shape.taints, spec.tolerations or ()) is None


@pytest.mark.parametrize(("name", "node"), NODES)
def test_a_pod_that_asks_for_no_device_stays_off_it(name: str, node: Body) -> None:
    assert tolerating.unborne(shapes.shape(node).taints, ()) is not None, name


@pytest.mark.parametrize(("name", "node"), NODES)
def test_it_says_of_itself_that_it_is_a_fake(name: str, node: Body) -> None:
    assert node["metadata"]["labels"]["trainshed.dev/fake"] == "true", name


@pytest.mark.parametrize(
    ("accelerator", "class_"),
    [
        ({"class": "nvidia-l4", "count": 4}, "nvidia-l4"),
        ({"type": "gpu", "count": 8}, "nvidia-a100-80gb"),
        ({"type": "fpga"}, "amd-fpga"),
        ({"class": "nvidia-l4", "count": 8}, None),
    ],
    ids=["a product", "a count that one node has", "an FPGA", "more than a node has"],
)
def test_a_job_gets_what_it_asks_for_of_them(accelerator: Body, class_: str | None) -> None:
    at = places.of(*clouds.SHIPPED, *map(dict, map(devices.node, devices.MACHINES)))
    job = builders.training_job().cnn().spec(accelerator=accelerator)

    seen = observed.Observation(job=job.view(), places=at)
    status = decide.decide(seen, now=builders.T0 + 1, settings=SETTINGS).status

    assert status is not None
    assert (status.get("placement") or {}).get("class") == class_


@pytest.mark.parametrize("machine", devices.MACHINES, ids=lambda machine: machine.name)
def test_a_kubelet_may_register_its_labels(machine: devices.Machine) -> None:
    for key, value in machine.marks.items():
        namespace = f".{key.partition('/')[0]}"
        if namespace.endswith((".kubernetes.io", ".k8s.io")):
            assert namespace.endswith((".node.kubernetes.io", ".kubelet.kubernetes.io"))
        # kind passes them on as one list.
        assert re.fullmatch(r"[\w.-]+", value)


def test_pods_on_kwoks_stay_until_they_are_deleted() -> None:
    loaded = yaml.safe_load_all(kwok.STAGES.read_text("utf-8"))
    (stage,) = [each for each in loaded if each["metadata"]["name"] == "pod-complete"]

    (names,) = [
        each["values"]
        for each in stage["spec"]["selector"]["matchExpressions"]
        if each["key"] == ".spec.nodeName" and each["operator"] == "NotIn"
    ]

    assert names == [devices.node_name(each) for each in devices.MACHINES]


def test_prometheus_scrapes_no_pod_of_kwoks() -> None:
    for each in devices.MACHINES:
        assert re.fullmatch(prometheus.FAKE_NODES, devices.node_name(each))


def applied(
    client: cluster_fakes.ApiServer,
    supervisor: cluster_fakes.Supervisor,
    shown: console.Console,
    *,
    count: int | None = None,
    machines: bool | None = None,
) -> tuple[int, int]:
    """Return how many nodes are counted, and how many have devices."""
    kwok.apply(supervisor, KWOK, client=client, count=count, machines=machines, shown=shown)  # type: ignore[arg-type]
    counted = fakes.names(client)  # type: ignore[arg-type]
    return len(counted), len(client.nodes) - len(counted)


def test_nodes_with_devices_come_and_go_apart_from_those_that_are_counted(
    shown: console.Console,
) -> None:
    client, supervisor = cluster_fakes.ApiServer(), cluster_fakes.Supervisor()

    assert applied(client, supervisor, shown, machines=True) == (0, 3)
    assert applied(client, supervisor, shown, count=2) == (2, 3)
    assert applied(client, supervisor, shown, machines=True) == (2, 3)
    assert applied(client, supervisor, shown, count=0) == (0, 3)
    assert supervisor.did == ["start kwok"]
    assert applied(client, supervisor, shown, machines=False) == (0, 0)
    assert supervisor.did == ["start kwok", "stop kwok"]


def test_kwok_stays_for_nodes_that_are_counted(shown: console.Console) -> None:
    client, supervisor = cluster_fakes.ApiServer(), cluster_fakes.Supervisor()
    applied(client, supervisor, shown, count=2, machines=True)

    assert applied(client, supervisor, shown, machines=False) == (2, 0)

    assert supervisor.did == ["start kwok"]
