"""The callback in Keras' own loop."""

from __future__ import annotations

import json
import math
import os
import pathlib
import signal
from typing import Any

import numpy as np
import pytest

from trainshed_trainer import context, errors
from trainshed_trainer.run import Run

keras = pytest.importorskip("keras", reason="no Keras here: `make test-trainer` has it")
from trainshed_trainer.callbacks.keras import TrainshedCallback  # noqa: E402

pytestmark = pytest.mark.tensorflow
SAMPLES, BATCH = 40, 16
X = np.random.default_rng(0).random((SAMPLES, 4), dtype=np.float32)
Y = X.sum(1)


def model(**options: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    made.compile(loss="mse", metrics=["mae"], **options)
    return made


def fit(made: Any, run: Run, *, epochs: int = 2, **options: Any) -> None:
    callback = TrainshedCallback(run, batch_size=BATCH, samples=SAMPLES)
    given = {"batch_size": BATCH, "epochs": epochs, "verbose": 0, **options}
    made.fit(X, Y, callbacks=[callback], **given)


def test_each_batch_is_a_step_and_the_last_one_is_smaller(job: context.Context) -> None:
    with Run(known=job) as run:
        fit(model(), run)

    assert run.counts.steps == 6
    assert run.counts.samples == 2 * SAMPLES
    assert [samples for _, _, samples in run.counts.recent] == [16, 16, 8] * 2
    assert run.counts.step_seconds > 0


def test_steps_that_keras_takes_at_once_are_all_counted(job: context.Context) -> None:
    with Run(known=job) as run:
        fit(model(steps_per_execution=2), run, epochs=1)

    assert run.counts.steps == 3
    assert run.counts.samples == SAMPLES


def test_the_evaluation_is_told(job: context.Context) -> None:
    with Run(known=job) as run:
        fit(model(), run, validation_data=(X, Y))

    account = json.loads(pathlib.Path(job.account_file).read_text())["account"]
    assert set(account["metrics"]) == {"mae"}


def test_a_run_that_is_told_to_stop_ends_after_the_step(job: context.Context) -> None:
    def told(batch: int, logs: Any) -> None:
        if batch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    asked = keras.callbacks.LambdaCallback(on_train_batch_begin=told)
    run = Run(known=job)
    counted, made = TrainshedCallback(run, batch_size=BATCH), model()
    with pytest.raises(SystemExit, match="75"), run:
        made.fit(X, Y, batch_size=BATCH, epochs=3, verbose=0, callbacks=[asked, counted])

    assert run.counts.steps == 2


def test_a_loss_that_is_no_number_ends_the_run(job: context.Context) -> None:
    made = model()
    made.layers[-1].set_weights([np.full((4, 1), math.nan), np.zeros(1)])
    with pytest.raises(errors.NonFiniteLoss), Run(known=job) as run:
        fit(made, run)
