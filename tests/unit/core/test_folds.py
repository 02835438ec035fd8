"""The folds of a cross-validation: counted once, kept for good."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders
from tests.unit.core import folds, passes, structural
from trainshed.api import status
from trainshed.core import observed, reports


def test_a_fold_is_told_of_once_it_is_done() -> None:
    wanted = passes.decided(
        folds.seen(folds.active(), folds.done(0, heldOutLoss=0.25), folds.fold(1).running()), now=11
    )

    found = passes.read(wanted).cross_validation
    assert found is not None
    assert [each.dump() for each in found.folds] == [
        {
            "fold": 0,
            "metrics": {"accuracy": 0.9, "loss": 0.25},
            "samples": 6400,
            "seconds": 8.0,
            "samplesPerSecond": 800.0,
            "steps": 100,
            "epochs": 5,
            "trainingLoss": 0.1,
        }
    ]
    assert (found.mean, found.std) == ({"accuracy": 0.9, "loss": 0.25}, None)
    assert passes.condition(wanted, "Running") == ("True", "Training", "1 of 3 folds done")


@pytest.mark.parametrize(
    ("seconds", "loss", "target"), [((3.0, 5.0, 4.0), 0.2, 5.0), ((3.0, None, 4.0), 0.2, None)]
)
def test_loss_and_time_to_target_are_those_of_all_folds(
    seconds: tuple[float | None, ...], loss: float, target: float | None
) -> None:
    pods = [
        folds.done(at, loss=0.1 * (at + 1), timeToTargetSeconds=each)
        for at, each in enumerate(seconds)
    ]
    whole = builders.job().folds(folds.COUNT).complete(30)

    result = passes.read(passes.decided(folds.seen(whole, *pods), now=31)).result

    assert result is not None
    assert result.loss == pytest.approx(loss)
    assert result.time_to_target_seconds == target


@pytest.mark.parametrize("losses", [[1.7e308] * 3, [0.1, 0.2, None]], ids=["beyond sums", "none"])
def test_losses_that_have_no_mean_leave_the_result_without_one(losses: list[Any]) -> None:
    pods = [folds.done(at, loss=each) for at, each in enumerate(losses)]

    result = passes.read(
        passes.decided(folds.seen(builders.job().folds(folds.COUNT).complete(30), *pods), now=31)
    ).result

    assert result is not None
    assert (result.loss, result.time_to_target_seconds) == (None, None)


def test_what_went_wrong_beside_the_training_is_said_with_its_fold() -> None:
    pods = [folds.done(0), folds.done(1, warnings=["ReportFailed: no report"]), folds.done(2)]

    wanted = passes.decided(folds.seen(builders.job().complete(30), *pods), now=31)

    assert passes.condition(wanted, "Succeeded")[2].endswith("; fold 1: ReportFailed: no report")


def test_a_fold_that_was_over_before_it_was_seen_to_run_hides_not_why_the_next_one_waits() -> None:
    before = folds.seen(folds.active(), folds.fold(2).on_node().waiting())
    before = passes.stored(before, passes.decided(before, now=11))

    after = folds.again(
        before, folds.seen(folds.active(), folds.done(2), builders.pod().fold(0).unschedulable())
    )
    status, _, message = passes.condition(passes.decided(after, now=12), "Running")

    assert (status, message.partition(":")[0]) == ("False", "no fold runs")
    assert "fold 0: nodes would do" in message
    assert "(the scheduler: 0/1 nodes" in message


def test_the_deviation_is_that_of_a_sample() -> None:
    values = [0.5, 0.75, 0.875]

    found = folds.told(
        folds.seen(
            folds.active(), *(folds.done(at, accuracy=each) for at, each in enumerate(values))
        )
    )

    assert found.mean["accuracy"] == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert found.std is not None
    assert found.std["accuracy"] == pytest.approx(statistics.stdev(values), abs=1e-6)


@hypothesis.given(order=strategies.permutations([0, 0, 1, 1, 2, 2]), gone=strategies.booleans())
def test_folds_may_be_told_in_any_order_and_twice(order: Sequence[int], gone: bool) -> None:
    before, told = folds.seen(folds.active()), set[int]()
    for number in order:
        told = {number} if gone else told | {number}
        pods = [folds.done(each, accuracy=0.5 + each / 4) for each in told]
        before = folds.again(before, folds.seen(folds.active(), *pods))
        before = passes.stored(before, passes.decided(before, now=11))

    found = status.TrainingJobStatus.model_validate_json(before.job.status).cross_validation

    whole = folds.seen(
        folds.active(), *(folds.done(each, accuracy=0.5 + each / 4) for each in range(folds.COUNT))
    )
    assert found == folds.told(whole)


def test_what_a_fold_told_outlives_its_pod_and_the_operator() -> None:
    before = folds.seen(folds.active(), folds.done(0), folds.fold(1).running())
    before = passes.stored(before, passes.decided(before, now=11))

    after = folds.again(before, folds.seen(folds.active(), folds.fold(1).running()))

    assert passes.decided(after, now=12).status is None


def test_what_a_fold_told_first_stands() -> None:
    before = folds.seen(folds.active(), folds.done(0, accuracy=0.9), folds.fold(1).running())
    before = passes.stored(before, passes.decided(before, now=11))

    after = folds.again(
        before, folds.seen(folds.active(), folds.done(0, accuracy=0.1), folds.fold(1).running())
    )

    assert passes.decided(after, now=12).status is None


def test_the_pushed_account_stands_for_words_that_are_lost() -> None:
    account = reports.Account("succeeded", 0, steps=100, metrics={"accuracy": 0.8})
    silent = folds.fold(0).exited(0)
    push = {0: folds.pushed(0, 100, account=account)}

    assert folds.told(folds.seen(folds.active(), silent, folds=push)).mean == {"accuracy": 0.8}


def test_a_push_of_another_pod_is_not_taken_for_the_folds() -> None:
    account = reports.Account("succeeded", 0, steps=100, metrics={"accuracy": 0.8})
    push = {
        0: folds.pushed(
            0,
            100,
            account=account,
        )
    }
    stranger = {0: dataclasses.replace(push[0], pod_uid=observed.Uid("another"))}

    wanted = passes.decided(
        folds.seen(folds.active(), folds.fold(0).exited(0), folds=stranger), now=11
    )

    assert passes.read(wanted).cross_validation is None


@pytest.mark.parametrize(
    "told",
    [
        {"heldOutLoss": 1e308},
        {"heldOutLoss": -1.7e308},
        {"samples": 2**61, "steps": 2**61, "trainingSeconds": 1e308},
        {"metrics": {f"metric-{each}": 1e308 for each in range(10)}, "heldOutLoss": 1.0},
        {"metrics": {}},
        {"samples": 0, "steps": 1, "trainingSeconds": 0},
    ],
    ids=["a loss beyond sums", "its opposite", "counts", "many metrics", "none", "no time"],
)
def test_no_claim_of_a_pod_makes_a_status_that_is_refused(told: dict[str, Any]) -> None:
    pods = [
        folds.fold(at).succeeded(builders.account_document(**told)) for at in range(folds.COUNT)
    ]
    for job in (folds.active(), builders.job().complete(30)):
        wanted = passes.decided(folds.seen(job, *pods), now=31)

        assert wanted.status is not None
        assert structural.faults(wanted.status, structural.STATUS) == []


def test_a_metric_that_one_fold_lacks_has_no_mean() -> None:
    pods = [folds.done(0, heldOutLoss=0.5), folds.done(1)]

    assert set(folds.told(folds.seen(folds.active(), *pods)).mean) == {"accuracy"}
