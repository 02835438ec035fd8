"""What is the same for every library that drives the loop itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from trainshed_trainer import context
from trainshed_trainer.callbacks import stepping
from trainshed_trainer.run import Run


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_lies_between_two_steps_is_the_wait_for_data(
    job: context.Context, clock: Clock
) -> None:
    with Run(known=job) as run:
        steps = stepping.Stepping(run, clock)
        for _ in range(3):
            clock.now += 1.0
            steps.begin()
            clock.now += 4.0
            assert steps.end(samples=8)

    assert run.counts.samples == 24
    assert run.counts.data_wait_seconds == pytest.approx(3.0)
    assert run.counts.step_seconds == pytest.approx(12.0)


def test_a_rest_is_in_no_count(job: context.Context, clock: Clock) -> None:
    with Run(known=job) as run:
        steps = stepping.Stepping(run, clock)
        clock.now += 100.0
        steps.rest()
        steps.begin()
        clock.now += 2.0
        steps.end(samples=8)

    assert run.counts.training_seconds == pytest.approx(2.0)


def test_steps_taken_at_once_share_time_and_samples(job: context.Context, clock: Clock) -> None:
    with Run(known=job) as run:
        steps = stepping.Stepping(run, clock)
        steps.begin()
        clock.now += 3.0
        steps.end(samples=20, steps=3)

    assert run.counts.steps == 3
    assert [samples for _, _, samples in run.counts.recent] == [6, 7, 7]
    assert run.counts.step_seconds == pytest.approx(3.0)


def test_a_run_that_is_told_to_stop_does_not_go_on(job: context.Context) -> None:
    run = Run(known=job)
    run.__enter__()
    steps = stepping.Stepping(run)
    steps.begin()
    os.kill(os.getpid(), signal.SIGTERM)

    assert not steps.end(samples=1)
    with pytest.raises(SystemExit, match="75"):
        run.__exit__(None, None, None)


def test_metrics_of_the_evaluation_lose_their_prefix() -> None:
    found = stepping.told({"loss": 1, "val_loss": 2, "val_accuracy": 0.5, "val_": 3}, prefix="val_")

    assert found == {"loss": 2.0, "accuracy": 0.5}


def test_the_package_needs_no_library_until_one_is_asked_for() -> None:
    code = (
        "import sys, trainshed_trainer.callbacks, trainshed_trainer.callbacks.stepping;"
        "print({'keras', 'lightning', 'pytorch_lightning', 'transformers'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
