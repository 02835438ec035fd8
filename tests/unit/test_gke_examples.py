"""examples/gke on nodes as GKE makes them: jobs find their classes, and pods their nodes."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests import builders, clouds, facts, places
from trainshed.accelerators import choices, classes, nodes, selecting, tolerating
from trainshed.api import accelerator_class, labels, spec, status
from trainshed.core import creating, decide, observed, policy
from trainshed.workloads import neighbours

Body = dict[str, Any]
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "gke"
ACCELERATOR, SPOT, POOL, COMPUTE = (
    f"cloud.google.com/{each}"
    for each in ("gke-accelerator", "gke-spot", "gke-nodepool", "compute-class")
)
GPU_TAINT = places.taint("nvidia.com/gpu", "present")
SPOT_TAINT = places.taint(SPOT, "true")
DEFAULT_POOL = places.node("default-1", labels_={POOL: "default-pool"})
SETTINGS = policy.Policy(base_images={"pytorch": builders.BASE})

# What Autopilot lets a pod say of its node, of github.com/rancher/dashboard issue 10564 and
# GoogleCloudPlatform/ai-on-gke pull request 983, which have its refusals in full words.
ALLOWED = {
    COMPUTE,
    SPOT,
    ACCELERATOR,
    "topology.kubernetes.io/zone",
    "kubernetes.io/os",
    "kubernetes.io/arch",
}


def documents(name: str) -> list[Body]:
    """Return the objects of a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def of_kind(name: str, kind: str) -> dict[str, Body]:
    """Return the objects of a kind by their names, as the API server would have them."""
    return {
        each["metadata"]["name"]: {
            **each,
            "metadata": {**each["metadata"], "uid": each["metadata"]["name"], "generation": 1},
        }
        for each in documents(name)
        if each["kind"] == kind
    }


def values(name: str) -> Body:
    """Return the chart's values of a kind of cluster."""
    found: Body = yaml.safe_load((FOLDER / f"values-{name}.yaml").read_text(encoding="utf-8"))
    return found


def shipped() -> dict[str, Body]:
    """Return the chart's classes, as the values for Standard have them."""
    given = values("standard")["acceleratorClasses"]["overrides"]
    return {
        each["metadata"]["name"]: {
            **each,
            "spec": {**each["spec"], **given.get(each["metadata"]["name"], {})},
        }
        for each in clouds.SHIPPED
    }


STANDARD = {**shipped(), **of_kind("classes-standard.yaml", accelerator_class.KIND)}
AUTOPILOT = of_kind("classes-autopilot.yaml", accelerator_class.KIND)
COMPUTED = of_kind("compute-class.yaml", accelerator_class.KIND)
L4 = {ACCELERATOR: "nvidia-l4"}
CASES: dict[str, tuple[str, str, Mapping[str, Body], str, Body]] = {
    # Job, its file, the classes, the class that it gets, and a node that GKE then makes.
    "on demand": (
        "on-demand",
        "jobs-standard.yaml",
        STANDARD,
        "nvidia-l4",
        places.node("l4-1", {"nvidia.com/gpu": 1}, labels_={**L4, POOL: "l4"}, taints=[GPU_TAINT]),
    ),
    "spot": (
        "spot-first",
        "jobs-standard.yaml",
        STANDARD,
        "l4-spot",
        places.node(
            "spot-1",
            {"nvidia.com/gpu": 1},
            labels_={**L4, SPOT: "true", POOL: "l4-spot"},
            taints=[GPU_TAINT, SPOT_TAINT],
        ),
    ),
    "Autopilot": (
        "one-l4",
        "jobs-autopilot.yaml",
        AUTOPILOT,
        "l4",
        places.node(
            "gk3-1",
            {"nvidia.com/gpu": 1},
            labels_={**L4, f"{ACCELERATOR}-count": "1", COMPUTE: "Accelerator"},
            taints=[GPU_TAINT],
        ),
    ),
    "Autopilot, spot": (
        "two-spot-l4s",
        "jobs-autopilot.yaml",
        AUTOPILOT,
        "l4-spot",
        places.node(
            "gk3-2",
            {"nvidia.com/gpu": 2},
            cpu="24",
            memory="96Gi",
            labels_={**L4, f"{ACCELERATOR}-count": "2", SPOT: "true"},
            taints=[GPU_TAINT, SPOT_TAINT],
        ),
    ),
    "a ComputeClass": (
        "by-compute-class",
        "job-compute-class.yaml",
        {**STANDARD, **COMPUTED},
        "l4-spot-first",
        places.node(
            "nap-1",
            {"nvidia.com/gpu": 1},
            labels_={**L4, COMPUTE: "l4-spot-first", SPOT: "true"},
            taints=[GPU_TAINT, SPOT_TAINT, places.taint(COMPUTE, "l4-spot-first")],
        ),
    ),
}
JOBS = pytest.mark.parametrize(
    ("name", "file", "known", "wanted", "node"), CASES.values(), ids=CASES.keys()
)


def view(file: str, name: str) -> observed.TrainingJobView:
    """Return a job of a file, as it is once it was applied."""
    return (
        builders.training_job().named(name).spec(**of_kind(file, labels.KIND)[name]["spec"]).view()
    )


def placed(file: str, name: str, *bodies: Body) -> Body:
    """Return the status of a job in a cluster of these nodes and classes."""
    seen = observed.Observation(job=view(file, name), places=places.of(DEFAULT_POOL, *bodies))
    wanted = decide.decide(seen, now=builders.T0 + 1, settings=SETTINGS)
    assert wanted.status is not None
    return dict(wanted.status)


def pod(file: str, name: str, class_: Body, *, avoids: bool = True, **wishes: Any) -> Body:
    """Return the spec of a job's pod on a class."""
    found = spec.TrainingJobSpec.model_validate(of_kind(file, labels.KIND)[name]["spec"])
    asked = found.accelerator
    count = (asked.count if asked is not None else None) or 1
    chosen = choices.of(classes.read(class_), resource="nvidia.com/gpu", count=count)
    settings = facts.settings(avoids=avoids, **wishes)
    (*_, job) = creating.children(
        found,
        view(file, name),
        attempt=1,
        image=status.ImageStatus(ref=builders.IMAGE),
        settings=settings,
        chosen=chosen,
    )
    rendered: Body = job["spec"]["template"]["spec"]
    return rendered


@JOBS
def test_a_job_waits_for_a_node_of_a_pool_that_has_none(
    name: str, file: str, known: Mapping[str, Body], wanted: str, node: Body
) -> None:
    found = placed(file, name, *known.values())

    assert found["placement"]["class"] == wanted
    assert found["placement"]["resourceName"] == "nvidia.com/gpu"


@JOBS
def test_it_gets_the_same_class_once_the_node_is_there(
    name: str, file: str, known: Mapping[str, Body], wanted: str, node: Body
) -> None:
    assert placed(file, name, node, *known.values())["placement"]["class"] == wanted


@JOBS
def test_its_pods_ask_for_the_node_and_bear_its_taints(
    name: str, file: str, known: Mapping[str, Body], wanted: str, node: Body
) -> None:
    shape, spec_ = nodes.shape(node), pod(file, name, known[wanted])
    other = nodes.shape(DEFAULT_POOL)

    assert selecting.selected(shape, spec_.get("nodeSelector", {}))
    assert selecting.admitted(shape, spec_.get("affinity"))
    class_ = classes.read(known[wanted]).spec
    assert class_ is not None
    assert tolerating.unborne(shape.taints, class_.tolerations or ()) is None
    assert not (
        selecting.selected(other, spec_.get("nodeSelector", {}))
        and selecting.admitted(other, spec_.get("affinity"))
    )
    (container,) = spec_["containers"]
    assert int(container["resources"]["limits"]["nvidia.com/gpu"]) >= 1


def test_a_job_on_demand_keeps_off_spot_nodes() -> None:
    spot = CASES["spot"][-1]
    class_ = classes.read(STANDARD["nvidia-l4"]).spec
    assert class_ is not None

    unborne = tolerating.unborne(nodes.shape(spot).taints, class_.tolerations or ())

    assert unborne is not None


def asked_of_nodes(spec_: Body) -> Iterator[str]:
    """Yield the labels of nodes that a pod names, as a condition or as a wish."""
    yield from spec_.get("nodeSelector", {})
    affinity = spec_.get("affinity", {})
    required = affinity.get("nodeAffinity", {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution", {}
    )
    for term in required.get("nodeSelectorTerms", ()):
        yield from (each["key"] for each in term["matchExpressions"])
    wishes = affinity.get("podAffinity", {}).get(
        "preferredDuringSchedulingIgnoredDuringExecution", ()
    )
    yield from (each["podAffinityTerm"]["topologyKey"] for each in wishes)


@pytest.mark.parametrize("name", ["one-l4", "two-spot-l4s"])
def test_pods_for_autopilot_name_no_label_that_it_refuses(name: str) -> None:
    placement = values("autopilot")["placement"]
    wanted = next(case[3] for case in CASES.values() if case[0] == name)
    wishes = neighbours.Wishes(topology_keys=placement["topologyKeys"], pack=placement["pack"])
    spec_ = pod(
        "jobs-autopilot.yaml",
        name,
        AUTOPILOT[wanted],
        avoids=placement["avoidLabelled"],
        wishes=wishes,
    )

    assert ACCELERATOR in spec_["nodeSelector"], "by a selector: an affinity will not do"
    assert set(asked_of_nodes(spec_)) <= ALLOWED
    assert values("autopilot")["acceleratorClasses"] == {"shipped": False}
    refused = pod("jobs-autopilot.yaml", name, AUTOPILOT[wanted])
    assert not set(asked_of_nodes(refused)) <= ALLOWED, "which is why the values say so"


def test_the_chosen_nodes_of_gke_are_of_the_classes_that_the_guide_names() -> None:
    known = [classes.read(each) for each in (*STANDARD.values(), *COMPUTED.values())]
    for id_, told in clouds.nodes():
        if not id_.startswith("gke: ") or not told["classes"]:
            continue
        shape = nodes.shape(places.node("n", told["allocatable"], labels_=told["labels"]))
        of = {
            each.name
            for each in known
            if each.type is accelerator_class.Type.GPU and each.resource(shape) is not None
        }
        own = {"l4-spot"} if SPOT in told["labels"] else set()
        assert of == {*told["classes"], *own}, id_


def test_a_compute_class_says_what_its_accelerator_class_finds() -> None:
    compute, class_ = documents("compute-class.yaml")
    name = compute["metadata"]["name"]

    assert class_["metadata"]["name"] == name
    assert class_["spec"]["match"]["nodeLabels"] == {COMPUTE: name}
    counts = {each["gpu"]["count"] for each in compute["spec"]["priorities"]}
    assert counts == {class_["spec"]["scaleFromZero"]["allocatable"]}
    # GKE rejects a pod that asks for a ComputeClass and for Spot VMs by their label.
    assert SPOT not in class_["spec"]["match"]["nodeLabels"]


def test_build_pods_have_the_account_that_the_namespace_has() -> None:
    _, account = documents("namespace.yaml")

    for name in ("standard", "autopilot"):
        assert values(name)["builder"]["serviceAccountName"] == account["metadata"]["name"]
    assert account["metadata"]["namespace"] in values("standard")["namespaces"]
