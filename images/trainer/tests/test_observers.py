"""What the loop tells those who watch a run."""

from __future__ import annotations

import os
import signal
import types
from collections.abc import Mapping
from typing import Any

import pytest

from images.trainer.tests import fakes
from trainshed_trainer import accounts, claims, context, observing, run, schema
from trainshed_trainer.data import corrupt
from trainshed_trainer.reporting import omissions
from trainshed_trainer.training import loop, ranks

pytestmark = pytest.mark.numpy


class Notes:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def stepping(self, telling: run.Run) -> None:
        self.told.append(telling.step)

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        self.told.append(found["accuracy"])

    def finished(self, telling: run.Run) -> None:
        self.told.append("finished")


def train(job: context.Context, backend: fakes.FakeBackend, **training: object) -> list[object]:
    asked = schema.read({"training": {"batchSize": 4, **training}}).training
    notes = Notes()
    loop.train(asked, backend, samples=8, known=job, watching=[notes])
    return notes.told


def test_each_step_each_evaluation_and_the_end_are_told(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4, accuracies=[0.5, 0.75])

    assert train(job, backend, epochs=2) == [0, 1, 2, 0.5, 2, 3, 4, 0.75, "finished"]


def test_a_run_that_reached_its_target_has_finished(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4, accuracies=[0.9])

    assert train(job, backend, epochs=9, target={"value": 0.8})[-1] == "finished"


@pytest.mark.parametrize(("names", "told"), [(["a", "b", "a"], 2), ([], None)])
def test_the_account_has_how_many_samples_were_left_out(
    job: context.Context, names: list[str], told: int | None
) -> None:
    tally = corrupt.Tally(allowed=3)
    for name in names:
        tally.add(name, corrupt.Corrupt("is empty"))
    asked = schema.read({"training": {"batchSize": 4, "epochs": 1}}).training

    watching = [omissions.Omissions(tally)]
    loop.train(asked, fakes.FakeBackend(size=4), samples=8, known=job, watching=watching)

    left = accounts.read(job.account_file)
    assert left is not None
    assert claims.account(left["account"]).get("corruptSamples") == told


def test_the_first_process_alone_tells_of_samples_that_were_left_out() -> None:
    data: Any = types.SimpleNamespace(corrupt=corrupt.Tally())
    backend: Any = None

    def told(rank: int) -> list[str]:
        among, known = ranks.Ranks(rank, 2), context.Context()
        watch = observing.watching(schema.read({}), data, backend, known=known, among=among)
        with watch as watching:
            return [type(each).__name__ for each in watching]

    assert (told(0), told(1)) == (["Omissions"], [])


def test_a_run_that_was_told_to_stop_has_not_finished(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4, on_step=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    asked = schema.read({"training": {"batchSize": 4, "epochs": 2}}).training
    notes = Notes()

    with pytest.raises(SystemExit):
        loop.train(asked, backend, samples=8, known=job, watching=[notes])

    assert notes.told == [0]
