"""The performance test without a framework, cross-validation, and what the launcher passes on."""

from __future__ import annotations

import itertools
import pathlib

import pytest

from images.trainer.tests import fakes, training
from trainshed_trainer import claims, schema
from trainshed_trainer.evaluation import performance
from trainshed_trainer.training import courses

pytestmark = pytest.mark.numpy


def measured(backend: fakes.FakeBackend, **asked: int) -> performance.Measured:
    course = courses.plan(schema.read({"training": {"batchSize": 4}}).training, samples=10)
    clock = itertools.count()
    given = schema.Performance(**asked)
    # Each look at the clock is a second later: one of data and one of the step.
    return performance.measure(given, backend, course, clock=lambda: float(next(clock)))


def test_the_steps_after_the_warm_up_are_timed() -> None:
    backend = fakes.FakeBackend(size=4)

    found = measured(backend, warmup_steps=2, steps=3)

    assert len(backend.steps) == 5
    assert (found.p50, found.p95, found.wait) == (2.0, 2.0, 0.5)
    # The third step of an epoch has two samples; then the next epoch begins.
    assert found.samples_per_second == (2 + 4 + 4) / 6


def test_the_model_is_as_it_was_and_nothing_is_left_open() -> None:
    backend = fakes.FakeBackend(size=4)
    before = backend.state()

    measured(backend, warmup_steps=0, steps=5)

    assert backend.state() == before
    assert set(backend.rates) == {0.0}
    assert backend.open == 0


@pytest.mark.parametrize("peak", ["", "no number", "0", "-1", "inf", "nan"])
def test_no_share_of_a_peak_is_told_where_none_is_known(peak: str) -> None:
    environment = {performance.PEAK: peak}

    assert performance.utilisation(1e3, 10**6, world=1, environment=environment) is None


def test_the_share_of_the_peak_is_that_of_all_devices() -> None:
    environment = {performance.PEAK: "3e9"}

    assert performance.utilisation(1e3, 10**6, world=2, environment=environment) == 0.5


def test_the_launcher_passes_on_what_is_sound_of_a_test() -> None:
    sound = performance.Measured(50, 0.01, 0.02, 6400.0, 0.04).to_dict()
    told = {**sound, "parameters": 864, "flops": 10**9, "utilisation": 0.4}

    assert claims.account({"performance": told, "report": "report.html"}) == {
        "performance": told,
        "report": "report.html",
    }
    assert claims.account({"performance": {"flops": "x", "more": 1}}) == {"performance": {}}


@pytest.mark.parametrize("fold", [None, "2"], ids=["no fold", "too high a fold"])
def test_a_cross_validation_needs_its_fold(
    fold: str | None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", "cnn", evaluation={"crossValidation": {"folds": 2}})
    known = {} if fold is None else {"FOLD": fold}

    with pytest.raises(AssertionError, match="set TRAINSHED_FOLD to one of 0 to 1"):
        training.trained(asked, tmp_path, monkeypatch, **known)
