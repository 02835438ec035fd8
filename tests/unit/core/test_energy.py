"""The energy of a job is that of all its GPUs, or it is not told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests import builders, facts
from tests.unit.core import folds, passes
from trainshed.core import observed


def seen(energies: Sequence[Any]) -> observed.Observation:
    """Return a job that has succeeded, whose pods told of this energy."""
    pods = [
        builders.pod()
        .index(number)
        .on_node()
        .succeeded(builders.account_document(energyJoules=joules))
        for number, joules in enumerate(energies)
    ]
    size = len(energies)
    return builders.observation(
        builders.training_job().cnn().replicas(size),
        workload=builders.job().complete(40).replicas(size),
        pods=pods,
        build=facts.built(),
    )


def energy(of: observed.Observation) -> float | None:
    result = passes.read(passes.decided(of, now=45)).result
    assert result is not None
    return result.energy_joules


@pytest.mark.parametrize(
    ("energies", "told"),
    [
        ([5_250.04], 5_250.0),
        ([0.0], 0.0),
        ([100.0, 150.5], 250.5),
        ([None], None),
        ([100.0, None], None),
        ([-1.0], None),
        (["much"], None),
        ([1.7e308, 1.7e308], None),
    ],
    ids=[
        "one pod",
        "a GPU that took none",
        "two pods",
        "no GPU",
        "one of two pods",
        "less than nothing",
        "words",
        "beyond sums",
    ],
)
def test_energy_is_that_of_all_pods(energies: list[Any], told: float | None) -> None:
    assert energy(seen(energies)) == told


def test_energy_of_folds_is_that_of_all_of_them() -> None:
    job = builders.job().complete(40)
    every = [folds.done(number, energyJoules=100.0) for number in range(folds.COUNT)]

    assert energy(folds.seen(job, *every)) == 300.0
    assert energy(folds.seen(job, *every[1:], folds.done(0))) is None
