"""What a job has come to: by its class's price, its devices, its pods and its time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import folds, passes
from trainshed.accelerators import index
from trainshed.api import status
from trainshed.core import observed

USD = {"hourly": 3.6, "currency": "USD"}
"""A thousandth a second."""
GPU = {"type": "gpu", "class": "l4", "resourceName": "nvidia.com/gpu", "count": 2}


def ended(
    placement: dict[str, Any] | None,
    at: index.Index | None,
    *,
    replicas: int = 1,
    pod: builders.PodBuilder | None = None,
    workload: builders.JobBuilder | None = None,
) -> status.TrainingJobStatus:
    """Return the status of a job that trained from its 3rd to its 1003rd second."""
    before: dict[str, Any] = {"phase": "Running", "startTime": builders.at(3)}
    if placement is not None:
        before["placement"] = placement
    job = builders.training_job().cnn().replicas(replicas).status(before)
    seen = builders.observation(
        job,
        workload=(workload or builders.job().complete(1003)).replicas(replicas),
        pods=[pod or builders.pod().on_node().succeeded()],
        build=facts.built(),
        places=at,
    )
    return passes.read(passes.decided(seen, now=1020))


def cost(found: status.TrainingJobStatus) -> tuple[float, str] | None:
    assert found.result is not None
    told = found.result.cost
    return (told.amount, told.currency) if told is not None else None


@pytest.mark.parametrize(
    ("placement", "replicas", "amount"),
    [(GPU, 1, 2.0), (GPU, 3, 6.0), ({"type": "cpu", "class": "cpu"}, 2, 2.0)],
    ids=["two GPUs", "two GPUs in each of three pods", "two pods on CPUs"],
)
def test_a_job_costs_its_devices_time(
    placement: dict[str, Any], replicas: int, amount: float
) -> None:
    at = places.of(places.gpu("l4", price=USD), places.class_("cpu", "cpu", price=USD))

    assert cost(ended(placement, at, replicas=replicas)) == (amount, "USD")


def test_a_job_that_failed_has_cost_too() -> None:
    told = builders.account_document(outcome="failed", exitCode=1, steps=40, samples=2560)
    pod = builders.pod().on_node().exited(1, json.dumps(told))

    at = places.of(places.gpu("l4", price=USD))
    found = ended(GPU, at, pod=pod, workload=builders.job().failed(1003))

    assert found.phase == "Failed"
    assert cost(found) is not None


@pytest.mark.parametrize(
    ("placement", "at"),
    [
        (GPU, places.of(places.gpu("l4"))),
        (GPU, places.of(places.gpu("t4", price=USD))),
        (GPU, None),
        ({"type": "cpu"}, places.of(places.class_("cpu", "cpu", price=USD))),
        (None, places.of(places.gpu("l4", price=USD))),
    ],
    ids=[
        "a class without a price",
        "a class that is gone",
        "no classes",
        "a CPU of no class",
        "a job of an earlier version",
    ],
)
def test_without_a_price_there_is_no_cost(
    placement: dict[str, Any] | None, at: index.Index | None
) -> None:
    assert cost(ended(placement, at)) is None


def validated(*pods: builders.PodBuilder) -> observed.Observation:
    """Return three folds, two at a time, in whose class a pod costs a thousandth a second."""
    before = {
        "phase": "Running",
        "startTime": builders.at(2),
        "placement": {"type": "cpu", "class": "cpu"},
    }
    asked = builders.training_job().cnn().folds(folds.COUNT, parallelism=2).status(before)
    return builders.observation(
        asked,
        workload=builders.job().complete(102).folds(folds.COUNT, parallelism=2),
        pods=pods,
        build=facts.built(),
        places=places.of(places.class_("cpu", "cpu", price=USD)),
    )


def test_folds_cost_the_time_of_each_pod() -> None:
    seen = validated(*(folds.done(number) for number in range(folds.COUNT)))
    spans = [(each.container.finished or 0) - (each.container.started or 0) for each in seen.pods]

    found = passes.read(passes.decided(seen, now=103))

    assert cost(found) == (pytest.approx(sum(spans) / 1000), "USD")
