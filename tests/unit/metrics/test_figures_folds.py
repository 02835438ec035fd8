"""The series of a cross-validation: those of one job, whichever fold pushes."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests import builders, facts
from tests.unit.core import passes
from trainshed.core import observed, reports
from trainshed.metrics import figures, names


def fold(number: int) -> builders.PodBuilder:
    """Begin the running pod of a fold."""
    return builders.pod().fold(number).on_node().running()


def pushed(number: int, step: int, **fields: Any) -> reports.Progress:
    """Return the push of a fold."""
    return facts.progress(step, received=10, fold=number, samples=step * 64, **fields)


def seen(*pods: builders.PodBuilder, **folds: reports.Progress) -> observed.Observation:
    """Return the observation of three folds, its status stored."""
    found = builders.observation(
        builders.training_job().cnn().folds(3, parallelism=2),
        workload=builders.job().active().folds(3, parallelism=2),
        pods=pods,
        build=facts.built(),
        folds={each.fold: each for each in folds.values()},
    )
    return passes.stored(found, passes.decided(found, now=11))


def series(found: observed.Observation) -> dict[str, float]:
    """Return the series without labels of their own, and the accuracy."""
    rows = list(figures.samples(found, figures.stored(found.job)))
    plain = {metric.name: value for metric, own, value in rows if own in ((), ("accuracy",))}
    assert len(plain) == sum(own in ((), ("accuracy",)) for _, own, _ in rows)
    return plain


def test_pushes_of_folds_are_one_jobs_series() -> None:
    found = series(
        seen(
            fold(0),
            fold(1),
            a=pushed(0, 60, samples_per_second=500.0),
            b=pushed(1, 30, samples_per_second=300.0),
        )
    )

    assert (found[names.STEP.name], found[names.TARGET_STEPS.name]) == (90, 300)
    assert found[names.SAMPLES.name] == 90 * 64
    assert found[names.THROUGHPUT.name] == 800
    assert found[names.RATIO.name] == 0.3


def test_accuracy_is_the_mean_of_the_folds_that_are_done() -> None:
    told = builders.account_document(metrics={"accuracy": 0.75})
    ended = builders.pod().fold(0).on_node().succeeded(told)

    found = series(seen(ended, fold(1), a=pushed(1, 30, metrics={"accuracy": 0.25})))

    assert found[names.EVAL_METRIC.name] == 0.75
    assert found[names.STEP.name] == 130


def test_the_status_stands_until_every_fold_has_pushed_again() -> None:
    before = seen(fold(0), fold(1), a=pushed(0, 60), b=pushed(1, 30))

    after = series(dataclasses.replace(before, folds={1: pushed(1, 31)}))

    assert after[names.STEP.name] == 90
