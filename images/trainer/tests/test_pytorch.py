"""Training in PyTorch, in the image. Small models and few steps: the machine may be busy."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer import errors, schema
from trainshed_trainer.training import loop

pytestmark = pytest.mark.torch

LIBRARY = pathlib.Path(__file__).resolve().parents[1]
SMALL = {
    "cnn": {"channels": [4], "hidden": 16},
    "cnn-attention": {"channels": [4], "hidden": 16, "heads": 2},
    "lstm": {"hidden": 16},
    "cnn-lstm": {"channels": [4], "features": 8, "hidden": 16},
}


def data_of(name: str) -> datasets.ArrayData:
    return datasets.clips() if "lstm" in name else datasets.images()


Trained = Callable[..., Any]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Trained:
    """Return what trains in this process and returns the account."""
    import torch

    from trainshed_trainer.training import pytorch

    torch.set_num_threads(1)
    path = tmp_path / "account.json"
    monkeypatch.setenv("TRAINSHED_JOB", "digits")
    monkeypatch.setenv("TRAINSHED_ACCOUNT_FILE", str(path))

    def train(
        name: str = "cnn",
        data: datasets.ArrayData | None = None,
        params: Any = None,
        **training: Any,
    ) -> Any:
        model = {"name": name, "params": {**SMALL[name], **(params or {})}}
        asked = {"maxSteps": 3, "batchSize": 16, **training}
        spec = schema.read({"model": model, "training": asked})
        data = data_of(name) if data is None else data
        backend = pytorch.open(spec, data)
        loop.train(spec.training, backend, samples=len(data.train.labels))
        return json.loads(path.read_text())["account"]

    return train


@pytest.mark.parametrize("name", SMALL)
def test_every_model_learns(here: Trained, name: str) -> None:
    account = here(name, maxSteps=120, optimizer={"learningRate": 0.01})

    assert account["outcome"] == "succeeded"
    assert account["metrics"]["accuracy"] > 0.9


@pytest.mark.parametrize("name", SMALL)
def test_one_seed_gives_one_loss_bit_for_bit(here: Trained, name: str) -> None:
    losses = [here(name, seed=seed, params={"dropout": 0.2})["loss"] for seed in (3, 3, 4)]

    assert losses[0] == losses[1] != losses[2]


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

    assert account["metrics"]["accuracy"] > 0.7


def test_a_loss_that_is_no_number_ends_the_training(here: Trained) -> None:
    optimizer = {"name": "sgd", "learningRate": 10.0, "weightDecay": 1.0}

    with pytest.raises(errors.NonFiniteLoss):
        here(maxSteps=200, optimizer=optimizer)


@pytest.mark.parametrize("clip", [None, 0.001])
def test_clipping_bounds_the_norm_of_all_gradients(clip: float | None) -> None:
    import torch

    from trainshed_trainer.training import pytorch

    optimizer = {"name": "sgd", "weightDecay": 0, "clipNorm": clip}
    spec = schema.read({"training": {"batchSize": 16, "optimizer": optimizer}})
    backend = pytorch.open(spec, datasets.images())
    before = torch.cat([each.detach().flatten() for each in backend.model.parameters()])

    with contextlib.closing(backend.batches(np.arange(16), epoch=1)) as batches:
        backend.step(next(batches), 1.0)

    after = torch.cat([each.detach().flatten() for each in backend.model.parameters()])
    norm = float((after - before).norm())
    assert norm == pytest.approx(clip, rel=0.02) if clip else norm > 0.1


def test_a_compiler_is_only_demanded_where_it_is_asked_for(
    here: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    here(compile="auto")

    with pytest.raises(errors.ConfigurationError, match="no C\\+\\+ compiler") as raised:
        here(compile="always")

    assert raised.value.reason == "CompilerMissing"


def test_samples_that_are_not_held_in_memory_train_alike(here: Trained) -> None:
    for name in ("cnn", "cnn-lstm"):
        streamed = here(name, data=data_of(name).streamed(), maxSteps=9)

        assert streamed["loss"] == pytest.approx(here(name, maxSteps=9)["loss"], abs=1e-6)


def started(tmp_path: pathlib.Path, *, params: Any = None, **training: Any) -> Any:
    """Start a small model on the digits through the launcher."""
    spec = {
        "framework": "pytorch",
        "model": {"name": "cnn", "params": {"channels": [4], "hidden": 16, **(params or {})}},
        "data": {"name": "digits"},
        "training": {"epochs": 2, "optimizer": {"learningRate": 0.01}, **training},
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    environment = {
        **os.environ,
        "PYTHONPATH": str(LIBRARY),
        "OMP_NUM_THREADS": "1",
        # Outside a job it draws its bar.
        "TRAINSHED_JOB": "",
        "TRAINSHED_SPEC_FILE": str(tmp_path / "spec.json"),
        "TRAINSHED_TERMINATION_LOG": str(tmp_path / "log"),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "trainshed_trainer.launch", "--"]
    command += [sys.executable, "-m", "trainshed_trainer.train"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def ended(process: Any, tmp_path: pathlib.Path) -> tuple[int, Any]:
    process.communicate(timeout=300)
    return process.returncode, json.loads((tmp_path / "log").read_text())


def test_a_small_cnn_learns_the_digits(tmp_path: pathlib.Path) -> None:
    code, account = ended(
        started(tmp_path, epochs=5, params={"channels": [8], "hidden": 32}), tmp_path
    )

    assert (code, account["outcome"]) == (0, "succeeded")
    assert account["metrics"]["accuracy"] > 0.9
    assert (account["samples"], account["steps"], account["epochs"]) == (5 * 1438, 5 * 23, 5)
    assert account["samplesPerSecond"] == account["samples"] / account["trainingSeconds"]


def test_too_many_blocks_are_the_users_to_mend(tmp_path: pathlib.Path) -> None:
    code, account = ended(started(tmp_path, params={"channels": [4, 4, 4, 4]}), tmp_path)

    assert (code, account["class"], account["reason"]) == (2, "Data", "InvalidSpec")
    assert "model.params.channels fewer entries" in account["message"]


def test_a_batch_larger_than_the_data_is_the_users_to_mend(tmp_path: pathlib.Path) -> None:
    code, account = ended(started(tmp_path, batchSize=5000), tmp_path)

    assert (code, account["class"], account["reason"]) == (2, "Data", "BatchTooLarge")


def test_sigterm_finishes_the_step_and_exits_with_75(tmp_path: pathlib.Path) -> None:
    process = started(tmp_path, epochs=100_000)
    # The bar's first line is of the first step.
    next(line for line in process.stderr if b"step 1 " in line)
    process.send_signal(signal.SIGTERM)
    code, account = ended(process, tmp_path)

    assert (code, account["outcome"], account["class"]) == (75, "stopped", "Preempted")
    assert account["steps"] > 0
