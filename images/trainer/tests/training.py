"""A small run with observers, in a process of its own or in this one."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import pytest

from trainshed_trainer import train

SMALL: Mapping[str, Mapping[str, Any]] = {
    "cnn": {"channels": [4], "hidden": 16},
    "cnn-attention": {"channels": [4, 8], "hidden": 16, "heads": 2},
    "lstm": {"hidden": 16},
    "cnn-lstm": {"channels": [4], "features": 8, "hidden": 16, "cell": "gru"},
}

PARAMETERS = {"cnn": 1254, "cnn-attention": 966, "lstm": 17608, "cnn-lstm": 3436}
"""What each of them learns; in Keras a GRU has one more bias, which stays 0."""
FLOPS = {"cnn": 6976, "cnn-attention": 16_448, "lstm": 557_312, "cnn-lstm": 397_568}
"""Operations of the products and convolutions of one sample, by hand: two for each weight used."""


def spec(framework: str, name: str, **more: Any) -> dict[str, Any]:
    """Return the spec of a short run on real digits, or on clips of them."""
    clips = {"name": "moving-digits", "samples": 64, "preprocess": {"resize": [16, 16]}}
    return {
        "framework": framework,
        "model": {"name": name, "params": SMALL[name]},
        "data": clips if "lstm" in name else {"name": "digits"},
        "training": {"maxSteps": 3, "batchSize": 16},
        **more,
    }


def trained(
    asked: Mapping[str, Any], folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, **known: str
) -> dict[str, Any]:
    """Train in this process; return the account."""
    file, account = folder / "spec.json", folder / "account.json"
    file.write_text(json.dumps(asked))
    environment = {
        "JOB": "digits",
        "ACCOUNT_FILE": str(account),
        "EXPORT_DIR": str(folder / "models"),
        "ARTIFACTS_DIR": str(folder / "artifacts"),
        **known,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"TRAINSHED_{name}", value)
    code = train.main(["--spec", str(file)])
    found: dict[str, Any] = json.loads(account.read_text())["account"]
    assert code == 0, found
    return found
