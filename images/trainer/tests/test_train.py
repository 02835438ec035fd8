"""The command as one types it on a laptop, without a spec."""

from __future__ import annotations

import json
import pathlib

import pytest

from trainshed_trainer import train


@pytest.mark.parametrize(
    "framework",
    [
        pytest.param("pytorch", marks=pytest.mark.torch),
        pytest.param("tensorflow", marks=pytest.mark.tensorflow),
    ],
)
def test_the_command_trains_in_the_framework_that_it_names(
    framework: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = tmp_path / "account.json"
    monkeypatch.setenv("TRAINSHED_JOB", "digits")
    monkeypatch.setenv("TRAINSHED_ACCOUNT_FILE", str(account))

    # Each image has one framework: in the other one this ends without an account.
    code = train.main(["--framework", framework, "--epochs", "1", "--batch-size", "512"])

    assert code == 0, account.read_text()
    assert json.loads(account.read_text())["account"]["outcome"] == "succeeded"
