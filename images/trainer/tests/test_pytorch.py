"""Training in PyTorch, in the image. Small models and few steps: the machine may be busy."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
from typing import Any

import pytest

from trainshed_trainer import errors, schema
from trainshed_trainer.data import digits, preparing

pytestmark = pytest.mark.torch

LIBRARY = pathlib.Path(__file__).resolve().parents[1]


def started(
    tmp_path: pathlib.Path, *, params: Any = None, shown: bool = False, **training: Any
) -> Any:
    """Start a small model through the launcher; with `shown` it draws its bar into a pipe."""
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
        "TRAINSHED_JOB": "" if shown else "digits",
        "TRAINSHED_SPEC_FILE": str(tmp_path / "spec.json"),
        "TRAINSHED_TERMINATION_LOG": str(tmp_path / "log"),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "trainshed_trainer.launch", "--"]
    command += [sys.executable, "-m", "trainshed_trainer.train"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE if shown else None)


def ended(process: Any, tmp_path: pathlib.Path) -> tuple[int, Any]:
    process.wait(timeout=300)
    return process.returncode, json.loads((tmp_path / "log").read_text())


def trained(tmp_path: pathlib.Path, **asked: Any) -> tuple[int, Any]:
    return ended(started(tmp_path, **asked), tmp_path)


@pytest.fixture(scope="module")
def data() -> preparing.Prepared:
    images, labels = digits.load()
    return preparing.prepare(images, labels, schema.Data(), classes=10)


@pytest.fixture(autouse=True)
def outside_a_job(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    """Have runs of this process leave an account, and show no bar."""
    monkeypatch.setenv("TRAINSHED_JOB", "digits")
    monkeypatch.setenv("TRAINSHED_ACCOUNT_FILE", str(tmp_path / "account.json"))
    return tmp_path / "account.json"


def here(account: pathlib.Path, data: preparing.Prepared, **training: Any) -> Any:
    """Train in this process; return the account."""
    import torch

    from trainshed_trainer.training import pytorch

    torch.set_num_threads(1)
    spec = schema.read(
        {
            "model": {"params": {"channels": [4], "hidden": 16}},
            "training": {"maxSteps": 3, "batchSize": 32, **training},
        }
    )
    pytorch.train(spec, data)
    return json.loads(account.read_text())["account"]


def test_a_small_cnn_learns_the_digits(tmp_path: pathlib.Path) -> None:
    code, account = trained(tmp_path, epochs=5, params={"channels": [8], "hidden": 32})

    assert (code, account["outcome"]) == (0, "succeeded")
    assert account["metrics"]["accuracy"] > 0.9
    assert (account["samples"], account["steps"], account["epochs"]) == (5 * 1438, 5 * 23, 5)
    assert account["samplesPerSecond"] == account["samples"] / account["trainingSeconds"]


def test_one_seed_gives_one_loss_bit_for_bit(
    outside_a_job: pathlib.Path, data: preparing.Prepared
) -> None:
    losses = [here(outside_a_job, data, seed=seed)["loss"] for seed in (3, 3, 4)]

    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("name", "schedule"),
    list(itertools.product(["sgd", "adam", "adamw"], ["constant", "linear", "cosine"])),
)
def test_every_optimiser_runs_with_every_schedule(
    outside_a_job: pathlib.Path, data: preparing.Prepared, name: str, schedule: str
) -> None:
    asked = {"name": name, "schedule": schedule, "warmupSteps": 2}

    account = here(outside_a_job, data, optimizer=asked)

    assert (account["outcome"], account["steps"]) == ("succeeded", 3)


def test_the_last_step_may_be_in_the_middle_of_an_epoch(
    outside_a_job: pathlib.Path, data: preparing.Prepared
) -> None:
    account = here(outside_a_job, data, maxSteps=50, batchSize=32)

    assert (account["steps"], account["epochs"]) == (50, 2)
    assert account["samples"] == 1438 + 5 * 32
    assert "accuracy" in account["metrics"]


def test_each_epoch_has_every_sample_in_a_new_order() -> None:
    import torch

    from trainshed_trainer.training import pytorch

    numbers, order = torch.arange(10), torch.Generator().manual_seed(0)
    epochs = [
        [batch.tolist() for batch, _ in pytorch.batches(numbers, numbers, size=4, order=order)]
        for _ in range(2)
    ]

    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    assert epochs[0] != epochs[1]
    assert all(sorted(itertools.chain(*epoch)) == list(range(10)) for epoch in epochs)


@pytest.mark.parametrize("channels", [[1], [4, 8], [4, 8, 16]], ids=str)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14)], ids=str)
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_cnn_gives_a_logit_for_each_class(
    channels: list[int], shape: tuple[int, ...], kernel: int
) -> None:
    import torch

    from trainshed_trainer.models.pytorch import cnn

    params = schema.CnnParams(channels=tuple(channels), hidden=8, kernel=kernel, dropout=0.1)

    assert cnn.build(params, shape, 7)(torch.zeros(2, *shape)).shape == (2, 7)


def test_too_many_blocks_are_the_users_to_mend(tmp_path: pathlib.Path) -> None:
    code, account = trained(tmp_path, params={"channels": [4, 4, 4, 4]})

    assert (code, account["class"], account["reason"]) == (2, "Data", "InvalidSpec")
    assert "model.params.channels fewer entries" in account["message"]


def test_a_batch_larger_than_the_data_is_the_users_to_mend(tmp_path: pathlib.Path) -> None:
    code, account = trained(tmp_path, batchSize=5000)

    assert (code, account["class"], account["reason"]) == (2, "Data", "BatchTooLarge")


def test_a_loss_that_is_no_number_ends_the_training(
    outside_a_job: pathlib.Path, data: preparing.Prepared
) -> None:
    rate = {"name": "sgd", "learningRate": 10.0}
    with pytest.raises(errors.NonFiniteLoss):
        here(outside_a_job, data, maxSteps=200, optimizer=rate)


def test_sigterm_finishes_the_step_and_exits_with_75(tmp_path: pathlib.Path) -> None:
    process = started(tmp_path, shown=True, epochs=100_000)
    with process.stderr as shown:
        # The bar's first line is of the first step.
        next(line for line in shown if b"step 1 " in line)
        process.send_signal(signal.SIGTERM)
        code, account = ended(process, tmp_path)

    assert (code, account["outcome"], account["class"]) == (75, "stopped", "Preempted")
    assert account["steps"] > 0
