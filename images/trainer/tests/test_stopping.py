"""SIGTERM, and scripts that end themselves."""

from __future__ import annotations

import json
import os
import pathlib
import signal
from typing import Any

import pytest

from trainshed_trainer import context, errors
from trainshed_trainer.run import Run


def told(job: context.Context) -> Any:
    return json.loads(pathlib.Path(job.account_file).read_text())["account"]


def test_told_to_stop_after_the_last_step_all_is_done(job: context.Context) -> None:
    with Run(known=job, total_steps=3) as run:
        for number in run.steps(range(3), samples=1):
            if number == 2:
                os.kill(os.getpid(), signal.SIGTERM)

    assert told(job)["outcome"] == "succeeded"


def test_a_loop_of_ones_own_that_asks_is_stopped(job: context.Context) -> None:
    def train() -> None:
        with Run(known=job) as run:
            while not run.stopping:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as raised:
        train()

    assert raised.value.code == errors.EXIT_STOPPED
    assert told(job)["outcome"] == "stopped"


def test_a_second_signal_changes_nothing(job: context.Context) -> None:
    def train() -> None:
        with Run(known=job) as run:
            for _ in run.steps(range(9), samples=1):
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit):
        train()

    assert told(job)["steps"] == 1


def test_a_run_within_a_run_stops_both(job: context.Context) -> None:
    def train() -> None:
        with Run(known=job), Run(known=job) as inner:
            for _ in inner.steps(range(9), samples=1):
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit):
        train()

    assert told(job)["outcome"] == "stopped"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "succeeded"), (None, "succeeded"), (3, "failed")]
)
def test_a_script_that_exits_by_itself(
    job: context.Context, code: int | None, outcome: str
) -> None:
    with pytest.raises(SystemExit), Run(known=job):
        raise SystemExit(code)

    assert told(job)["outcome"] == outcome
