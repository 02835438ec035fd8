"""Which class can hold a job, and what is said where none can."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests import builders, places
from tests.unit.core import wishes
from trainshed.accelerators import usage
from trainshed.api import status
from trainshed.core import decide, observed

GPU = "nvidia.com/gpu"


def test_what_nodes_have_and_a_job_asks_are_told() -> None:
    nodes = [places.node(f"gpu-{each}", {GPU: 4}) for each in range(3)]

    said = wishes.refused({"type": "gpu", "count": 8}, places.of(*nodes, places.gpu("l4")))

    assert (said.status, said.reason) == ("False", "NoNodeFits")
    assert "3 nodes have nvidia.com/gpu; the largest has 4, the job asks 8" in said.message


@pytest.mark.parametrize(
    ("asked", "at", "reason", "words"),
    [
        ({"class": "l5"}, [places.gpu("l4")], "AcceleratorClassNotFound", "(l4)"),
        ({"type": "fpga"}, [places.gpu("l4")], "AcceleratorClassNotFound", "of type fpga"),
        (
            {"class": "l4"},
            [places.gpu("l4", "[")],
            "AcceleratorClassInvalid",
            "is no regular expression",
        ),
        (
            {"class": "l4"},
            [places.gpu("l4", node_labels=places.L4), places.node("a", labels_=places.L4)],
            "NoNodeFits",
            "see that the device plugin runs",
        ),
        (
            {"class": "l4"},
            [places.gpu("l4", node_labels=places.L4), places.node("a")],
            "NoNodeFits",
            "no node is of class l4",
        ),
        (
            {"class": "l4"},
            [
                places.gpu("l4"),
                places.node("a", {GPU: 1}, taints=[{"key": "team", "effect": "NoSchedule"}]),
            ],
            "NoNodeFits",
            "tainted team:NoSchedule",
        ),
        (
            {"class": "l4"},
            [
                places.gpu("l4"),
                places.node("a", {GPU: 1}, labels_={"kubernetes.io/arch": "arm64"}),
            ],
            "NoNodeFits",
            "the image's platforms",
        ),
        (
            {"class": "l4"},
            [places.gpu("l4", image={"variant": "rocm"}), places.node("a", {GPU: 1})],
            "BaseImageMissing",
            "images.variants.rocm.pytorch",
        ),
    ],
)
def test_each_cause_has_a_reason_and_says_what_to_do(
    asked: Any, at: list[Any], reason: str, words: str
) -> None:
    said = wishes.refused(asked, places.of(*at))

    assert (said.reason, words in said.message) == (reason, True), said.message


def test_more_than_nodes_have_of_cores_is_told() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}, cpu="8", memory="16Gi"))

    said = wishes.refused({"class": "l4"}, at, resources={"cpu": "16", "memory": "8Gi"})

    assert "the largest has 8 cores and 16 GiB, the job asks 16 and 8 GiB" in said.message


def test_more_replicas_than_nodes_hold_now_wait_for_nodes_that_may_come() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 4}))

    found, _ = wishes.decided({"class": "l4", "count": 2, "fallback": ["cpu"]}, at, replicas=3)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.fell_back_from) == ("l4", None)


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ({"mig/1g": 1, "mig/2g": 4}, {}, "mig/2g"),
        ({"mig/1g": 2}, {"mig/1g": 2, "mig/2g": 2}, "mig/1g"),
    ],
)
def test_of_several_resources_the_one_with_most_room_is_asked_for(
    first: dict[str, int], second: dict[str, int], name: str
) -> None:
    at = places.of(
        places.gpu("mig", r"mig/[0-9]g"), places.node("a", first), places.node("b", second)
    )

    found, _ = wishes.decided({"class": "mig", "count": 2}, at, replicas=2)

    assert found.placement is not None
    assert found.placement.resource_name == name


def test_a_pool_without_nodes_must_say_what_its_devices_are_called() -> None:
    pool = {"allocatable": 1, "maxNodes": 3}

    said = wishes.refused({"class": "x"}, places.of(places.gpu("x", "a/b-.*", scaleFromZero=pool)))

    assert said.reason == "AcceleratorClassInvalid"
    assert "have it name one beside scaleFromZero" in said.message


def test_cpus_of_some_nodes_are_for_who_names_them() -> None:
    at = places.of(
        places.class_("big", "cpu", match={"nodeLabels": {"big": "y"}}),
        places.class_("every", "cpu"),
        places.node("a", labels_={"big": "y"}),
    )

    assert wishes.decided(None, at)[0].placement == status.Placement(type="cpu", class_="every")
    assert wishes.decided({"class": "big"}, at)[0].placement == status.Placement(
        type="cpu", class_="big"
    )


def test_taints_that_a_queues_flavour_bears_are_not_ours_to_judge() -> None:
    spot = [{"key": "spot", "value": "true", "effect": "NoSchedule"}]
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}, taints=spot))
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).view()
    queued = dataclasses.replace(job, labels={"kueue.x-k8s.io/queue-name": "team"})

    wanted = [
        decide.decide(
            observed.Observation(job=each, places=at), now=builders.T0 + 1, settings=wishes.SETTINGS
        )
        for each in (job, queued)
    ]

    assert [each.waits_for_nodes for each in wanted] == [True, False]


def test_a_selector_against_the_class_is_a_contradiction() -> None:
    at = places.of(
        places.gpu("l4", node_labels=places.L4),
        places.node("a", {GPU: 1}, labels_=places.L4),
    )

    said = wishes.refused({"class": "l4"}, at, pod={"nodeSelector": dict.fromkeys(places.L4, "t4")})

    assert said.reason == "AcceleratorClassContradicted"


def test_of_several_pools_that_are_too_small_the_largest_is_told() -> None:
    pools = [
        places.gpu(f"l{each}", node_labels={"kind": str(each)}, scaleFromZero=pool)
        for each in (1, 4, 2)
        for pool in [{"allocatable": each, "maxNodes": 9}]
    ]

    said = wishes.refused({"type": "gpu", "count": 8}, places.of(*pools))

    assert "class l4 now, and one that an autoscaler makes has 4 devices" in said.message


def test_a_class_that_contradicts_the_job_hides_no_miss_of_another() -> None:
    a100 = {"kind": "a100"}
    at = places.of(
        places.gpu("a100", node_labels=a100),
        places.gpu("t4", node_labels={"kind": "t4"}),
        places.node("a", {GPU: 8}, labels_=a100),
        places.node("b", {GPU: 4}, labels_={"kind": "t4"}),
    )

    said = wishes.refused({"type": "gpu", "count": 8}, at, pod={"nodeSelector": {"kind": "t4"}})

    assert "1 node has nvidia.com/gpu; the largest has 4, the job asks 8" in said.message


def test_of_several_classes_that_lack_a_base_the_lack_is_told() -> None:
    lacks = {"variant": "rocm"}
    at = places.of(
        places.gpu("l4", image=lacks),
        places.gpu("t4", image=lacks),
        places.node("a", {GPU: 1}),
    )

    said = wishes.refused({"type": "gpu"}, at)

    assert (said.reason, "images.variants.rocm.pytorch" in said.message) == (
        "BaseImageMissing",
        True,
    )


@pytest.mark.parametrize("asked", [5, [5], [{"key": "zone", "operator": "In", "values": 5}]])
def test_an_affinity_that_is_none_is_left_to_the_api_server(asked: Any) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": asked}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    at = places.of(places.node("gpu-1", {GPU: 4}), places.gpu("l4"))

    found, _ = wishes.decided({"class": "l4"}, at, pod={"affinity": affinity})

    assert found.placement is not None
    assert found.placement.class_ == "l4"


@pytest.mark.parametrize("now", [0, 3])
def test_devices_that_a_plugin_does_not_give_at_the_moment_are_waited_for(now: int) -> None:
    at = places.of(places.node("a", {GPU: now}, capacity={GPU: 4}), places.gpu("l4"))

    found, _ = wishes.decided({"class": "l4", "count": 4, "fallback": ["cpu"]}, at)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.fell_back_from) == ("l4", None)
    assert usage.Usage(at).of("l4") == usage.Totals(nodes=1, allocatable=now)


def test_devices_that_are_given_come_before_those_that_are_not() -> None:
    at = places.of(
        places.node("a", {"nvidia.com/mig-b": 2}, capacity={"nvidia.com/mig-a": 7}),
        places.gpu("mig", r"nvidia\.com/mig-.+"),
    )

    found, _ = wishes.decided({"class": "mig"}, at)

    assert found.placement is not None
    assert found.placement.resource_name == "nvidia.com/mig-b"
