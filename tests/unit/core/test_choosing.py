"""Which accelerator a job gets, and what is said where there is none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests import builders, facts, places
from trainshed.accelerators import classes, index, usage
from trainshed.api import status
from trainshed.core import decide, observed, plan, policy

BASE = "registry.example/cuda:1"
SETTINGS = facts.settings(variants={"cuda": {"pytorch": BASE}, "rocm": {"tensorflow": BASE}})
GPU = "nvidia.com/gpu"


def decided(
    asked: Any, places_: index.Index, *, settings: policy.Policy = SETTINGS, **more: Any
) -> tuple[status.TrainingJobStatus, plan.Plan]:
    """Return the status and the plan of the first pass over a job."""
    job = builders.training_job().cnn().spec(accelerator=asked, **more)
    seen = observed.Observation(job=job.view(), places=places_, devices=usage.Usage(places_))
    wanted = decide.decide(seen, now=builders.T0 + 1, settings=settings)
    assert wanted.status is not None
    return status.TrainingJobStatus.model_validate(wanted.status), wanted


def refused(asked: Any, places_: index.Index, **more: Any) -> status.Condition:
    """Return the condition of a job that gets no accelerator; it waits for nodes."""
    found, wanted = decided(asked, places_, **more)
    placed = found.condition("Placed")
    assert placed is not None
    assert wanted.creates == ()
    assert wanted.waits_for_nodes
    assert wanted.requeue_after is not None
    return placed


def test_a_job_that_asks_for_nothing_gets_no_accelerator() -> None:
    found, _ = decided(None, places.of(places.node("gpu-1", {GPU: 4}), places.gpu("l4")))

    assert found.placement == status.Placement(type="cpu")


def test_the_class_of_a_name_is_chosen_with_the_resource_of_its_nodes() -> None:
    at = places.of(places.node("gpu-1", {GPU: 4}), places.gpu("l4"))

    found, wanted = decided({"class": "l4", "count": 2}, at)

    assert found.placement is not None
    assert found.placement.dump() == {
        "type": "gpu",
        "class": "l4",
        "resourceName": GPU,
        "count": 2,
        "nodes": [],
    }
    assert wanted.build is not None


def test_what_nodes_have_and_a_job_asks_are_told() -> None:
    nodes = [places.node(f"gpu-{each}", {GPU: 4}) for each in range(3)]

    said = refused({"type": "gpu", "count": 8}, places.of(*nodes, places.gpu("l4")))

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
            [places.gpu("l4"), places.node("a", {GPU: 1}, labels_={"kubernetes.io/arch": "arm64"})],
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
    said = refused(asked, places.of(*at))

    assert (said.reason, words in said.message) == (reason, True), said.message


def test_more_than_nodes_have_of_cores_is_told() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}, cpu="8", memory="16Gi"))

    said = refused({"class": "l4"}, at, resources={"cpu": "16", "memory": "8Gi"})

    assert "the largest has 8 cores and 16 GiB, the job asks 16 and 8 GiB" in said.message


def test_more_replicas_than_nodes_hold_now_wait_for_nodes_that_may_come() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 4}))

    found, _ = decided({"class": "l4", "count": 2, "fallback": ["cpu"]}, at, replicas=3)

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

    found, _ = decided({"class": "mig", "count": 2}, at, replicas=2)

    assert found.placement is not None
    assert found.placement.resource_name == name


def test_a_pool_without_nodes_must_say_what_its_devices_are_called() -> None:
    pool = {"allocatable": 1, "maxNodes": 3}

    said = refused({"class": "x"}, places.of(places.gpu("x", "a/b-.*", scaleFromZero=pool)))

    assert said.reason == "AcceleratorClassInvalid"
    assert "have it name one beside scaleFromZero" in said.message


def test_cpus_of_some_nodes_are_for_who_names_them() -> None:
    at = places.of(
        places.class_("big", "cpu", match={"nodeLabels": {"big": "y"}}),
        places.class_("every", "cpu"),
        places.node("a", labels_={"big": "y"}),
    )

    assert decided(None, at)[0].placement == status.Placement(type="cpu", class_="every")
    assert decided({"class": "big"}, at)[0].placement == status.Placement(type="cpu", class_="big")


def test_taints_that_a_queues_flavour_bears_are_not_ours_to_judge() -> None:
    spot = [{"key": "spot", "value": "true", "effect": "NoSchedule"}]
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}, taints=spot))
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).view()
    queued = dataclasses.replace(job, labels={"kueue.x-k8s.io/queue-name": "team"})

    wanted = [
        decide.decide(
            observed.Observation(job=each, places=at), now=builders.T0 + 1, settings=SETTINGS
        )
        for each in (job, queued)
    ]

    assert [each.waits_for_nodes for each in wanted] == [True, False]


def test_a_selector_against_the_class_is_a_contradiction() -> None:
    at = places.of(
        places.gpu("l4", node_labels=places.L4), places.node("a", {GPU: 1}, labels_=places.L4)
    )

    said = refused({"class": "l4"}, at, pod={"nodeSelector": dict.fromkeys(places.L4, "t4")})

    assert said.reason == "AcceleratorClassContradicted"


def test_the_fallback_is_taken_where_nothing_can_ever_hold_the_first() -> None:
    found, wanted = decided(
        {"type": "gpu", "count": 8, "fallback": ["fpga", "cpu"]},
        places.of(places.gpu("l4"), places.node("a", {GPU: 4})),
    )

    assert found.placement is not None
    assert (found.placement.type, found.placement.fell_back_from) == ("cpu", "gpu")
    (told,) = [each for each in wanted.notices if each.reason == "FellBack"]
    assert told.warning
    assert "the job asks 8" in told.message


def test_a_busy_class_is_waited_for_and_no_fallback_taken() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))

    found, _ = decided({"class": "l4", "fallback": ["cpu"]}, at)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.fell_back_from) == ("l4", None)


def test_a_pool_that_may_grow_holds_a_job_without_a_node() -> None:
    pool = {"allocatable": 2, "maxNodes": 3}
    at = places.of(places.gpu("l4", node_labels=places.L4, scaleFromZero=pool))

    found, _ = decided({"class": "l4", "count": 2}, at, replicas=3)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.resource_name) == ("l4", GPU)
    assert refused({"class": "l4", "count": 4}, at).reason == "NoNodeFits"
    assert refused({"class": "l4", "count": 2}, at, replicas=4).reason == "NoNodeFits"


def test_auto_is_a_gpu_where_one_can_hold_the_job_and_a_cpu_elsewhere() -> None:
    with_gpu = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))
    without = places.of(places.gpu("l4"), places.node("a"), places.class_("cpu", "cpu"))

    assert decided({}, with_gpu)[0].placement == status.Placement(
        type="gpu", class_="l4", resource_name=GPU, count=1
    )
    assert decided({}, without)[0].placement == status.Placement(
        type="cpu", class_="cpu", fell_back_from="gpu"
    )


@pytest.mark.parametrize(
    ("at", "warning", "words"),
    [
        ([places.gpu("l4"), places.node("a")], False, "no node is of class l4"),
        ([places.gpu("l4"), places.gpu("t4")], False, "no node is of type gpu"),
        ([places.node("a")], False, "no AcceleratorClass is of type gpu"),
        ([places.gpu("l4"), places.node("a", {GPU: 4})], True, "the largest has 4, the job asks 8"),
        (
            [places.gpu("l4", node_labels=places.L4), places.node("a", labels_=places.L4)],
            True,
            "see that the device plugin runs",
        ),
        (
            [places.gpu("l4", scaleFromZero={"allocatable": 4, "maxNodes": 2})],
            True,
            "one that an autoscaler makes has 4 devices; the job asks 8",
        ),
    ],
    ids=[
        "no GPU",
        "no GPU of several classes",
        "no class",
        "GPUs that are too few",
        "no device plugin",
        "a pool that is small",
    ],
)
def test_auto_says_that_it_takes_the_cpu_and_warns_where_there_are_gpus(
    at: list[Any], warning: bool, words: str
) -> None:
    found, wanted = decided({"type": "auto", "count": 8}, places.of(*at))

    assert found.placement is not None
    assert (found.placement.type, found.placement.fell_back_from) == ("cpu", "gpu")
    (told,) = [each for each in wanted.notices if each.reason == "FellBack"]
    assert told.warning is warning
    assert told.message.startswith("cpu is taken: ")
    assert words in told.message


def test_of_several_pools_that_are_too_small_the_largest_is_told() -> None:
    pools = [
        places.gpu(f"l{each}", node_labels={"kind": str(each)}, scaleFromZero=pool)
        for each in (1, 4, 2)
        for pool in [{"allocatable": each, "maxNodes": 9}]
    ]

    said = refused({"type": "gpu", "count": 8}, places.of(*pools))

    assert "class l4 now, and one that an autoscaler makes has 4 devices" in said.message


def test_a_class_that_contradicts_the_job_hides_no_miss_of_another() -> None:
    a100 = {"kind": "a100"}
    at = places.of(
        places.gpu("a100", node_labels=a100),
        places.gpu("t4", node_labels={"kind": "t4"}),
        places.node("a", {GPU: 8}, labels_=a100),
        places.node("b", {GPU: 4}, labels_={"kind": "t4"}),
    )

    said = refused({"type": "gpu", "count": 8}, at, pod={"nodeSelector": {"kind": "t4"}})

    assert "1 node has nvidia.com/gpu; the largest has 4, the job asks 8" in said.message


def test_of_several_classes_that_lack_a_base_the_lack_is_told() -> None:
    lacks = {"variant": "rocm"}
    at = places.of(
        places.gpu("l4", image=lacks), places.gpu("t4", image=lacks), places.node("a", {GPU: 1})
    )

    said = refused({"type": "gpu"}, at)

    assert (said.reason, "images.variants.rocm.pytorch" in said.message) == (
        "BaseImageMissing",
        True,
    )


def test_of_several_classes_the_one_with_free_devices_is_taken_then_the_cheapest() -> None:
    dear, cheap = {"hourly": 4.0, "currency": "USD"}, {"hourly": 0.7, "currency": "USD"}
    at = places.of(
        places.gpu("a100", node_labels={"kind": "a100"}, price=dear),
        places.gpu("l4", node_labels={"kind": "l4"}, price=cheap),
        places.node("a", {GPU: 1}, labels_={"kind": "a100"}),
        places.node("b", {GPU: 1}, labels_={"kind": "l4"}),
    )
    busy = usage.Usage(at)
    busy.put("pod", usage.Use(("default", "other"), "b", GPU, 1))
    job = builders.training_job().cnn().spec(accelerator={"type": "gpu"}).view()

    chosen = []
    for used in (usage.Usage(at), busy):
        seen = observed.Observation(job=job, places=at, devices=used)
        wanted = decide.decide(seen, now=builders.T0 + 1, settings=SETTINGS)
        assert wanted.status is not None
        chosen.append(wanted.status["placement"]["class"])

    assert chosen == ["l4", "a100"]


def test_prices_in_two_currencies_are_not_compared() -> None:
    at = places.of(
        places.gpu("a100", node_labels={"kind": "a100"}, price={"hourly": 4.0, "currency": "USD"}),
        places.gpu("l4", node_labels={"kind": "l4"}, price={"hourly": 0.7, "currency": "EUR"}),
        places.node("a", {GPU: 1}, labels_={"kind": "a100"}),
        places.node("b", {GPU: 1}, labels_={"kind": "l4"}),
    )

    found, _ = decided({"type": "gpu"}, at)

    assert found.placement is not None
    assert found.placement.class_ == "a100"


def test_a_class_that_goes_before_the_pods_are_made_holds_them_up() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))
    found, _ = decided({"class": "l4"}, at)
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).status(found.dump())
    at.drop_class("l4")
    seen = observed.Observation(job=job.view(), places=at, build=facts.built())

    held = decide.decide(seen, now=builders.T0 + 2, settings=SETTINGS)
    at.put_class(classes.read(places.gpu("l4")))
    again = decide.decide(seen, now=builders.T0 + 2, settings=SETTINGS)

    assert (held.creates, held.waits_for_nodes) == ((), True)
    assert held.status is not None
    assert "l4 was chosen, and is gone" in str(held.status["conditions"])
    assert again.creates


def test_a_choice_stays_whatever_nodes_there_are_later() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))
    found, _ = decided({"class": "l4"}, at)
    at.drop_node("a")
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).status(found.dump())

    wanted = decide.decide(
        observed.Observation(job=job.view(), places=at), now=builders.T0 + 2, settings=SETTINGS
    )

    assert wanted.status is None
    assert not wanted.waits_for_nodes


def test_the_image_is_built_on_the_base_of_the_class() -> None:
    at = places.of(places.gpu("l4", image={"variant": "cuda"}), places.node("a", {GPU: 1}))

    _, wanted = decided({"class": "l4"}, at)

    assert wanted.build is not None
    assert wanted.build.base == BASE


def test_a_job_that_nothing_holds_ends_after_a_while() -> None:
    at = places.of(places.gpu("l4"))
    found, _ = decided({"class": "l4"}, at)
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).status(found.dump())

    wanted = decide.decide(
        observed.Observation(job=job.view(), places=at),
        now=builders.T0 + 1 + SETTINGS.startup_deadline,
        settings=SETTINGS,
    )

    assert wanted.status is not None
    ended = status.TrainingJobStatus.model_validate(wanted.status)
    assert ended.failure is not None
    assert (ended.phase, ended.failure.class_) == ("Failed", "Quota")
    assert "no node is of class l4" in ended.failure.message


@pytest.mark.parametrize("asked", [5, [5], [{"key": "zone", "operator": "In", "values": 5}]])
def test_an_affinity_that_is_none_is_left_to_the_api_server(asked: Any) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": asked}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    at = places.of(places.node("gpu-1", {GPU: 4}), places.gpu("l4"))

    found, _ = decided({"class": "l4"}, at, pod={"affinity": affinity})

    assert found.placement is not None
    assert found.placement.class_ == "l4"


@pytest.mark.parametrize("now", [0, 3])
def test_devices_that_a_plugin_does_not_give_at_the_moment_are_waited_for(now: int) -> None:
    at = places.of(places.node("a", {GPU: now}, capacity={GPU: 4}), places.gpu("l4"))

    found, _ = decided({"class": "l4", "count": 4, "fallback": ["cpu"]}, at)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.fell_back_from) == ("l4", None)
    assert usage.Usage(at).of("l4") == usage.Totals(nodes=1, allocatable=now)


def test_devices_that_are_given_come_before_those_that_are_not() -> None:
    at = places.of(
        places.node("a", {"nvidia.com/mig-b": 2}, capacity={"nvidia.com/mig-a": 7}),
        places.gpu("mig", r"nvidia\.com/mig-.+"),
    )

    found, _ = decided({"class": "mig"}, at)

    assert found.placement is not None
    assert found.placement.resource_name == "nvidia.com/mig-b"
