from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.torch

LIBRARY = pathlib.Path(__file__).resolve().parents[1]


def trained(tmp_path: pathlib.Path, **training: Any) -> tuple[int, Any]:
    """Train a small model through the launcher; return the exit code and the account."""
    spec = {
        "framework": "pytorch",
        "model": {"name": "cnn", "params": {"channels": [8], "hidden": 32}},
        "data": {"name": "digits"},
        "training": {"epochs": 2, "optimizer": {"learningRate": 0.01}, **training},
    }
    file, log = tmp_path / "spec.json", tmp_path / "log"
    file.write_text(json.dumps(spec))
    environment = {
        **os.environ,
        "PYTHONPATH": str(LIBRARY),
        "OMP_NUM_THREADS": "1",
        "TRAINSHED_JOB": "digits",
        "TRAINSHED_SPEC_FILE": str(file),
        "TRAINSHED_TERMINATION_LOG": str(log),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "trainshed_trainer.launch", "--"]
    command += [sys.executable, "-m", "trainshed_trainer.train"]
    done = subprocess.run(command, env=environment, check=False, timeout=300)
    return done.returncode, json.loads(log.read_text())


def test_a_small_cnn_learns_the_digits(tmp_path: pathlib.Path) -> None:
    code, account = trained(tmp_path, epochs=4)

    assert code == 0
    assert account["metrics"]["accuracy"] > 0.9
    assert account["samples"] == 4 * 1438
    assert account["steps"] == 4 * 23


def test_one_seed_gives_one_loss(tmp_path: pathlib.Path) -> None:
    losses = [trained(tmp_path, maxSteps=5, epochs=None)[1]["loss"] for _ in range(2)]

    assert losses[0] == losses[1]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_every_optimiser_runs_with_every_schedule(
    tmp_path: pathlib.Path, name: str, schedule: str
) -> None:
    optimizer = {"name": name, "schedule": schedule, "warmupSteps": 2}

    code, account = trained(tmp_path, maxSteps=3, epochs=None, optimizer=optimizer)

    assert (code, account["steps"]) == (0, 3)


def test_a_batch_larger_than_the_data_is_the_users_to_mend(tmp_path: pathlib.Path) -> None:
    code, account = trained(tmp_path, batchSize=5000)

    assert code == 2
    assert (account["class"], account["reason"]) == ("Data", "BatchTooLarge")
