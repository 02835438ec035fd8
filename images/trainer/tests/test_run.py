from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from trainshed_trainer import claims, context, errors, sizes
from trainshed_trainer.run import Run


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def job(tmp_path: pathlib.Path) -> context.Context:
    return context.Context(job="digits", account_file=str(tmp_path / "account.json"))


def account(tmp_path: pathlib.Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / "account.json").read_text())["account"]
    return found


def test_steps_and_waits_for_data_are_told_apart(tmp_path: pathlib.Path) -> None:
    clock = Clock()

    def loader() -> Iterator[list[int]]:
        for _ in range(4):
            clock.now += 1.0
            yield [1, 2, 3]

    with Run(known=job(tmp_path), clock=clock) as run:
        for _ in run.steps(loader()):
            clock.now += 3.0
        clock.now += 100.0

    assert run.counts.samples == 12
    assert run.counts.step_seconds == pytest.approx(12.0)
    assert run.counts.data_wait_seconds == pytest.approx(4.0)
    assert run.counts.samples_per_second == pytest.approx(12 / 16)


def test_the_account_has_the_same_figures(tmp_path: pathlib.Path) -> None:
    clock = Clock()
    with Run(known=job(tmp_path), clock=clock) as run:
        for _ in run.steps(range(10), samples=8):
            clock.now += 0.5
            run.log(loss=0.25)
        run.evaluate(accuracy=0.97, loss=0.5)

    told = account(tmp_path)

    assert told["outcome"] == "succeeded"
    assert told["samples"] == 80
    assert told["samplesPerSecond"] == pytest.approx(80 / told["trainingSeconds"])  # type: ignore[operator]
    assert told["metrics"] == {"accuracy": 0.97}
    assert (told["loss"], told["heldOutLoss"]) == (0.25, 0.5)
    assert claims.account(told)["heldOutLoss"] == 0.5


def test_folds_have_series_of_their_own(tmp_path: pathlib.Path) -> None:
    with Run(known=dataclasses.replace(job(tmp_path), fold=3)) as run:
        run.count(1.0, 0.5, 8)
        registry = run._series.registry  # type: ignore[union-attr]
        labels = {"trainingjob": "digits", "rank": "0", "fold": "3"}

        assert registry.get_sample_value("training_samples_total", labels) == 8


def test_prometheus_has_what_was_counted(tmp_path: pathlib.Path) -> None:
    clock = Clock()
    with Run(known=job(tmp_path), clock=clock, total_steps=3) as run:
        for _ in run.steps(range(3), samples=5):
            clock.now += 2.0
            run.log(loss=1.5, learning_rate=0.01)
        registry = run._series.registry  # type: ignore[union-attr]
        labels = {"trainingjob": "digits", "rank": "0"}

        assert registry.get_sample_value("training_samples_total", labels) == 15
        assert registry.get_sample_value("training_seconds_total", labels) == pytest.approx(6.0)
        assert registry.get_sample_value("training_loss", {**labels, "split": "train"}) == 1.5
        assert registry.get_sample_value("training_target_steps", labels) == 3


def test_an_error_in_the_loop_is_in_the_account(tmp_path: pathlib.Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def train() -> None:
        with Run(known=job(tmp_path)) as run:
            for _ in run.steps(range(3)):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()

    assert account(tmp_path)["outcome"] == "failed"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: pathlib.Path) -> None:
    def train() -> None:
        with Run(known=job(tmp_path)) as run:
            for _ in run.steps(range(200)):
                run.log(loss=float("nan"))

    with pytest.raises(errors.NonFiniteLoss):
        train()

    assert account(tmp_path)["reason"] == "NonFiniteLoss"


def test_told_to_stop_it_finishes_the_step_and_exits_with_75(tmp_path: pathlib.Path) -> None:
    done: list[int] = []

    def train() -> None:
        with Run(known=job(tmp_path)) as run:
            for number in run.steps(range(100)):
                if number == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                done.append(number)

    with pytest.raises(SystemExit) as exit_:
        train()

    assert exit_.value.code == errors.EXIT_STOPPED
    assert done == [0, 1, 2, 3]
    assert account(tmp_path)["outcome"] == "stopped"


def test_metrics_beyond_ten_names_are_dropped_and_counted(tmp_path: pathlib.Path) -> None:
    with Run(known=job(tmp_path)) as run:
        run.evaluate(**{f"m{number}": 1.0 for number in range(14)})
        registry = run._series.registry  # type: ignore[union-attr]
        labels = {"trainingjob": "digits", "rank": "0"}

        assert registry.get_sample_value("training_metrics_dropped_total", labels) == 4
    assert len(account(tmp_path)["metrics"]) == 10  # type: ignore[arg-type]


def test_outside_a_cluster_it_shows_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Run(known=context.Context(), total_steps=4) as run:
        for _ in run.steps(range(4), samples=2):
            run.log(loss=0.5)

    shown = capsys.readouterr().err
    assert "100 %" in shown
    assert "loss 0.5000" in shown


def test_params_are_the_jobs(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"width": 2}')

    assert Run(known=context.Context(params_file=str(file))).params == {"width": 2}
    assert Run(known=context.Context()).params == {}


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        ([1, 2, 3], 3),
        ((np.zeros((5, 2)), np.zeros(5)), 5),
        ({"x": np.zeros((7, 2))}, 7),
        (np.zeros((6, 2)), 6),
        (3, 1),
        ([], 0),
    ],
    ids=["numbers", "pair", "mapping", "array", "scalar", "empty"],
)
def test_a_batch_has_as_many_samples_as_its_first_array(batch: object, samples: int) -> None:
    assert sizes.of(batch) == samples
