"""Images that are built while no node can hold their jobs yet."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests import builders, facts, places
from trainshed.accelerators import index
from trainshed.api import status
from trainshed.core import decide, observed, plan

PLAIN = facts.settings().base_images["pytorch"]
CUDA, ROCM = "registry.example/cuda:1", "registry.example/rocm:1"
SETTINGS = facts.settings(variants={"cuda": {"pytorch": CUDA}, "rocm": {"pytorch": ROCM}})
GPU = "nvidia.com/gpu"
OWN = {"base": "registry.example/own:1"}
EIGHT = {"class": "l4", "count": 8}
FOUR_GPUS = places.node("a", {GPU: 4})


def job(asked: Any = EIGHT, **more: Any) -> builders.TrainingJobBuilder:
    return builders.training_job().cnn().spec(accelerator=asked, **more)


def passed(
    found: builders.TrainingJobBuilder,
    at: index.Index,
    build: observed.BuildView | None = None,
    now: float = 1,
) -> tuple[status.TrainingJobStatus, plan.Plan]:
    """Return the status after a pass, and its plan."""
    seen = observed.Observation(job=found.view(), places=at, build=build)
    wanted = decide.decide(seen, now=builders.T0 + now, settings=SETTINGS)
    after = wanted.status if wanted.status is not None else decide.stored_status(seen.job).dump()
    return status.TrainingJobStatus.model_validate(after), wanted


def cuda(**more: Any) -> Any:
    return places.gpu("l4", image={"variant": "cuda"}, **more)


def built(base: str = PLAIN) -> observed.BuildView:
    return dataclasses.replace(facts.built(), base=base)


@pytest.mark.parametrize(
    ("asked", "more", "at", "base"),
    [
        (EIGHT, {}, [places.gpu("l4")], PLAIN),
        (EIGHT, {}, [cuda()], CUDA),
        ({"type": "gpu", "count": 8}, {}, [cuda(), places.gpu("t4")], None),
        ({"type": "gpu", "count": 8}, {"image": OWN}, [cuda(), places.gpu("t4")], OWN["base"]),
        (EIGHT, {"image": {"ref": "r/x:1"}}, [places.gpu("l4")], None),
        (EIGHT, {"image": {"delivery": "volume"}}, [places.gpu("l4")], None),
        ({**EIGHT, "class": "gone"}, {}, [places.gpu("l4")], None),
    ],
    ids=["plain", "variant", "open", "own-base", "given", "mounted", "no-class"],
)  # fmt: skip
def test_it_is_built_where_its_base_is_the_same_on_whatever_class(
    asked: Any, more: Any, at: list[Any], base: str | None
) -> None:
    _, wanted = passed(job(asked, **more), places.of(*at, FOUR_GPUS))

    assert wanted.waits_for_nodes
    assert (wanted.build.base if wanted.build is not None else None) == base
    assert wanted.build is None or wanted.build.placement is None


def test_what_is_built_is_told_and_the_job_still_waits() -> None:
    at = places.of(places.gpu("l4"), FOUR_GPUS)

    found, wanted = passed(job(), at, built())

    image, placed = found.condition("ImageReady"), found.condition("Placed")
    assert image is not None
    assert placed is not None
    assert (image.status, placed.status, placed.reason) == ("True", "False", "NoNodeFits")
    assert (found.phase, found.image, wanted.creates) == ("Pending", None, ())
    assert passed(job().status(found.dump()), at, built())[1].status is None


def test_a_restart_builds_nothing_again_while_no_node_fits() -> None:
    at = places.of(places.gpu("l4"), FOUR_GPUS)
    found, _ = passed(job(), at, built())

    _, wanted = passed(job().status(found.dump()), at, None)

    assert (wanted.build, wanted.status) == (None, None)


def test_it_is_run_as_soon_as_a_node_fits() -> None:
    waiting = places.of(places.gpu("l4"), FOUR_GPUS)
    found, _ = passed(job(), waiting, built())
    fits = places.of(places.gpu("l4"), places.node("b", {GPU: 8}))

    found, wanted = passed(job().status(found.dump()), fits, built(), now=60)

    assert found.image is not None
    assert wanted.creates


def test_what_was_built_on_another_base_is_not_run() -> None:
    waiting = places.of(places.gpu("l4"), FOUR_GPUS)
    found, _ = passed(job(), waiting, built())
    fits = places.of(cuda(), places.node("b", {GPU: 8}))

    found, wanted = passed(job().status(found.dump()), fits, built(), now=60)

    assert (found.image, wanted.creates) == (None, ())
    assert wanted.build is not None
    assert wanted.build.base == CUDA


def test_an_image_asked_for_again_has_all_its_time() -> None:
    waiting = places.of(places.gpu("l4"), FOUR_GPUS)
    found, _ = passed(job(), waiting, built())
    fits = places.of(places.gpu("l4"), places.node("b", {GPU: 8}))
    late = SETTINGS.build_deadline + 60

    _, wanted = passed(job().status(found.dump()), fits, None, now=late)

    assert wanted.build is not None
    assert wanted.build.seconds == SETTINGS.build_deadline


def test_a_job_whose_image_cannot_be_made_ends_before_a_node_comes() -> None:
    refusal = facts.refused("BaseImageUnsupported", "no Python in it", terminal=True)

    found, _ = passed(
        job(),
        places.of(places.gpu("l4"), FOUR_GPUS),
        observed.BuildView(refusal=refusal, base=PLAIN),
    )

    assert found.phase == "Failed"
    assert found.failure is not None
    assert "no Python in it" in (found.failure.message or "")


def test_a_refused_build_is_not_looked_at_in_haste_once_its_class_is_gone() -> None:
    refusal = facts.refused("RegistryUnavailable", "is down", retry=2000)
    refused = observed.BuildView(refusal=refusal, base=PLAIN)
    found, _ = passed(job(), places.of(places.gpu("l4"), FOUR_GPUS), refused)
    late = SETTINGS.build_deadline + 60

    _, wanted = passed(job().status(found.dump()), places.of(FOUR_GPUS), refused, now=late)

    assert wanted.requeue_after is not None
    assert wanted.requeue_after > 60
