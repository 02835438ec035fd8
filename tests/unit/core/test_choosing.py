"""Which accelerator a job gets, for how long, and what is taken in its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import wishes
from trainshed.accelerators import classes
from trainshed.api import status
from trainshed.core import decide, observed

GPU = "nvidia.com/gpu"


def test_a_job_that_asks_for_nothing_gets_no_accelerator() -> None:
    found, _ = wishes.decided(None, places.of(places.node("gpu-1", {GPU: 4}), places.gpu("l4")))

    assert found.placement == status.Placement(type="cpu")


def test_the_class_of_a_name_is_chosen_with_the_resource_of_its_nodes() -> None:
    at = places.of(places.node("gpu-1", {GPU: 4}), places.gpu("l4"))

    found, wanted = wishes.decided({"class": "l4", "count": 2}, at)

    assert found.placement is not None
    assert found.placement.dump() == {
        "type": "gpu",
        "class": "l4",
        "resourceName": GPU,
        "count": 2,
        "nodes": [],
    }
    assert wanted.build is not None


def test_the_fallback_is_taken_where_nothing_can_ever_hold_the_first() -> None:
    found, wanted = wishes.decided(
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

    found, _ = wishes.decided({"class": "l4", "fallback": ["cpu"]}, at)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.fell_back_from) == ("l4", None)


def test_a_pool_that_may_grow_holds_a_job_without_a_node() -> None:
    pool = {"allocatable": 2, "maxNodes": 3}
    at = places.of(places.gpu("l4", node_labels=places.L4, scaleFromZero=pool))

    found, _ = wishes.decided({"class": "l4", "count": 2}, at, replicas=3)

    assert found.placement is not None
    assert (found.placement.class_, found.placement.resource_name) == ("l4", GPU)
    assert wishes.refused({"class": "l4", "count": 4}, at).reason == "NoNodeFits"
    assert wishes.refused({"class": "l4", "count": 2}, at, replicas=4).reason == "NoNodeFits"


def test_auto_is_a_gpu_where_one_can_hold_the_job_and_a_cpu_elsewhere() -> None:
    with_gpu = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))
    without = places.of(places.gpu("l4"), places.node("a"), places.class_("cpu", "cpu"))

    assert wishes.decided({}, with_gpu)[0].placement == status.Placement(
        type="gpu", class_="l4", resource_name=GPU, count=1
    )
    assert wishes.decided({}, without)[0].placement == status.Placement(
        type="cpu", class_="cpu", fell_back_from="gpu"
    )


@pytest.mark.parametrize(
    ("at", "warning", "words"),
    [
        ([places.gpu("l4"), places.node("a")], False, "no node is of class l4"),
        ([places.gpu("l4"), places.gpu("t4")], False, "no node is of type gpu"),
        ([places.node("a")], False, "no AcceleratorClass is of type gpu"),
        (
            [places.gpu("l4"), places.node("a", {GPU: 4})],
            True,
            "the largest has 4, the job asks 8",
        ),
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
    found, wanted = wishes.decided({"type": "auto", "count": 8}, places.of(*at))

    assert found.placement is not None
    assert (found.placement.type, found.placement.fell_back_from) == ("cpu", "gpu")
    (told,) = [each for each in wanted.notices if each.reason == "FellBack"]
    assert told.warning is warning
    assert told.message.startswith("cpu is taken: ")
    assert words in told.message


def test_a_class_that_goes_before_the_pods_are_made_holds_them_up() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))
    found, _ = wishes.decided({"class": "l4"}, at)
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).status(found.dump())
    at.drop_class("l4")
    seen = observed.Observation(job=job.view(), places=at, build=facts.built())

    held = decide.decide(seen, now=builders.T0 + 2, settings=wishes.SETTINGS)
    at.put_class(classes.read(places.gpu("l4")))
    again = decide.decide(seen, now=builders.T0 + 2, settings=wishes.SETTINGS)

    assert (held.creates, held.waits_for_nodes) == ((), True)
    assert held.status is not None
    assert "l4 was chosen, and is gone" in str(held.status["conditions"])
    assert again.creates


def test_a_choice_stays_whatever_nodes_there_are_later() -> None:
    at = places.of(places.gpu("l4"), places.node("a", {GPU: 1}))
    found, _ = wishes.decided({"class": "l4"}, at)
    at.drop_node("a")
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).status(found.dump())

    wanted = decide.decide(
        observed.Observation(job=job.view(), places=at),
        now=builders.T0 + 2,
        settings=wishes.SETTINGS,
    )

    assert wanted.status is None
    assert not wanted.waits_for_nodes


def test_the_image_is_built_on_the_base_of_the_class() -> None:
    at = places.of(places.gpu("l4", image={"variant": "cuda"}), places.node("a", {GPU: 1}))

    _, wanted = wishes.decided({"class": "l4"}, at)

    assert wanted.build is not None
    assert wanted.build.base == wishes.BASE


def test_a_job_that_nothing_holds_ends_after_a_while() -> None:
    at = places.of(places.gpu("l4"))
    found, _ = wishes.decided({"class": "l4"}, at)
    job = builders.training_job().cnn().spec(accelerator={"class": "l4"}).status(found.dump())

    wanted = decide.decide(
        observed.Observation(job=job.view(), places=at),
        now=builders.T0 + 1 + wishes.SETTINGS.startup_deadline,
        settings=wishes.SETTINGS,
    )

    assert wanted.status is not None
    ended = status.TrainingJobStatus.model_validate(wanted.status)
    assert ended.failure is not None
    assert (ended.phase, ended.failure.class_) == ("Failed", "Quota")
    assert "no node is of class l4" in ended.failure.message
