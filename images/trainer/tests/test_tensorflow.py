"""Training in TensorFlow, in the image. Small models and few steps: the machine may be busy."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer import errors, schema
from trainshed_trainer.training import courses, loop

pytestmark = pytest.mark.tensorflow

SMALL = {
    "cnn": {"channels": [8], "hidden": 32},
    "cnn-attention": {"channels": [4], "hidden": 16, "heads": 2},
    "lstm": {"hidden": 16},
    "cnn-lstm": {"channels": [4], "features": 8, "hidden": 16},
}
COMPILED = ["cnn", "cnn-lstm"]
Trained = Callable[..., Any]


def data_of(name: str) -> datasets.ArrayData:
    return datasets.clips() if "lstm" in name else datasets.images()


def read(name: str = "cnn", params: Any = None, **training: Any) -> schema.Spec:
    model = {"name": name, "params": {**SMALL[name], **(params or {})}}
    asked = {"maxSteps": 3, "batchSize": 16, **training}
    return schema.read({"framework": "tensorflow", "model": model, "training": asked})


def opened(name: str = "cnn", *, data: datasets.ArrayData | None = None, **asked: Any) -> Any:
    from trainshed_trainer.training import tensorflow

    return tensorflow.open(read(name, **asked), data_of(name) if data is None else data)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Trained:
    """Return what trains in this process and returns the account."""
    path = tmp_path / "account.json"
    monkeypatch.setenv("TRAINSHED_JOB", "digits")
    monkeypatch.setenv("TRAINSHED_ACCOUNT_FILE", str(path))

    def train(name: str = "cnn", *, data: datasets.ArrayData | None = None, **asked: Any) -> Any:
        backend = opened(name, data=data, **asked)
        loop.train(read(name, **asked).training, backend, samples=72)
        return json.loads(path.read_text())["account"]

    return train


def stepped(backend: Any, name: str = "cnn", *, begin: int = 0, end: int) -> list[float]:
    """Take the steps of a course from one number to another; return their losses."""
    course = courses.plan(read(name, maxSteps=1000).training, samples=72)
    losses: list[float] = []
    while begin + len(losses) < end:
        done = begin + len(losses)
        epoch = done // course.epoch_steps + 1
        batches = backend.batches(course.order(epoch, done=done), epoch=epoch)
        losses += [
            float(backend.step(batch, 0.01)) for batch in itertools.islice(batches, end - done)
        ]
    return losses


@pytest.mark.parametrize("name", SMALL)
def test_every_model_learns(here: Trained, name: str) -> None:
    account = here(name, maxSteps=60, optimizer={"learningRate": 0.01})

    assert account["outcome"] == "succeeded"
    assert account["metrics"]["accuracy"] > 0.75


@pytest.mark.parametrize("name", SMALL)
def test_one_seed_gives_one_loss_bit_for_bit(here: Trained, name: str) -> None:
    losses = [here(name, seed=seed, params={"dropout": 0.2})["loss"] for seed in (3, 3, 4)]

    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("name", SMALL)
def test_a_step_is_one_graph_whatever_its_rate_and_size(name: str) -> None:
    backend = opened(name, batchSize=32)
    sizes = set()
    for epoch, rate in ((1, 0.1), (2, 0.01)):
        order = courses.plan(read(batchSize=32).training, samples=72).order(1, done=0)
        for batch in backend.batches(order, epoch=epoch):
            sizes.add(batch.samples)
            backend.step(batch, rate)

    assert sizes == {32, 8}
    assert backend.traces == 1


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_a_run_that_is_resumed_ends_with_the_same_loss(name: str, optimizer: str) -> None:
    asked = {"optimizer": {"name": optimizer}, "params": {"dropout": 0.2}}
    whole = opened(name, **asked)
    first = opened(name, **asked)

    losses = stepped(whole, name, end=8)
    stepped(first, name, end=3)
    state = first.state()
    second = opened(name, **asked, seed=5)
    second.restore(state)

    assert set(state) == {"model", "optimizer", "random"}
    assert stepped(second, name, begin=3, end=8) == pytest.approx(losses[3:], abs=1e-6)
    assert second.evaluate() == pytest.approx(whole.evaluate(), abs=1e-6)


def test_weights_alone_can_be_taken_over() -> None:
    first, second = opened(), opened(seed=1)
    stepped(first, end=9)

    second.restore({"model": first.state()["model"]})

    assert second.evaluate() == first.evaluate()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing", "the state can't be read"),
        (b"", "the state can't be read"),
        ("hidden", "its array 5 is"),
        ("channels", "it has 14 arrays, and the model 9"),
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(data: Any, said: str) -> None:
    backend = opened()
    if data == "hidden":
        data = opened(params={"hidden": 8}).state()["model"]
    elif data == "channels":
        data = opened(params={"channels": [4, 4]}).state()["model"]
    before = backend.state()["model"]

    with pytest.raises(ValueError, match=said):
        backend.restore({"model": data})

    assert backend.state()["model"] == before


@pytest.mark.parametrize(
    ("name", "schedule"),
    list(itertools.product(["sgd", "adam", "adamw", "rmsprop"], ["constant", "linear", "cosine"])),
)
def test_every_optimiser_runs_with_every_schedule(here: Trained, name: str, schedule: str) -> None:
    account = here(optimizer={"name": name, "schedule": schedule, "warmupSteps": 2})

    assert (account["outcome"], account["steps"]) == ("succeeded", 3)


@pytest.mark.parametrize("precision", ["auto", "bf16", "fp16"])
@pytest.mark.parametrize("name", SMALL)
def test_every_model_learns_in_every_precision(here: Trained, name: str, precision: str) -> None:
    exact = here(name, maxSteps=20)["loss"]
    account = here(name, maxSteps=20, precision=precision)

    assert account["loss"] == pytest.approx(exact, abs=0.1)


def test_a_model_can_be_compiled(tmp_path: pathlib.Path) -> None:
    # In a process of its own: determinism, once asked for, stays, and XLA has none of pooling.
    code = f"""
        from images.trainer.tests import test_tensorflow as tests
        for name in {COMPILED}:
            backend = tests.opened(name, compile="always")
            print(tests.stepped(backend, name, end=4)[-1])
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )

    losses = [stepped(opened(name), name, end=4)[-1] for name in COMPILED]
    assert [float(line) for line in found.stdout.split()] == pytest.approx(losses, abs=1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        {"labelSmoothing": 0.1},
        {"name": "focal"},
        {"name": "focal", "gamma": 0.5, "labelSmoothing": 0.1, "classWeights": "balanced"},
        {"classWeights": "balanced"},
    ],
    ids=str,
)
def test_every_loss_is_learnt_from(here: Trained, loss: Any) -> None:
    account = here(maxSteps=60, loss=loss, optimizer={"learningRate": 0.01})

    assert account["metrics"]["accuracy"] > 0.75


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_a_loss_that_is_no_number_ends_the_training(
    here: Trained, name: str, precision: str
) -> None:
    data = data_of(name)
    data.train.inputs[:] = np.inf

    with pytest.raises(errors.NonFiniteLoss):
        here(name, data=data, precision=precision, maxSteps=50)


@pytest.mark.parametrize("name", ["cnn", "cnn-lstm"])
def test_samples_that_are_not_held_in_memory_train_alike(here: Trained, name: str) -> None:
    found = here(name, data=data_of(name).streamed(), maxSteps=9)

    assert found["loss"] == pytest.approx(here(name, maxSteps=9)["loss"], abs=1e-6)
