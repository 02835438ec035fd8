"""A small run with observers, in a process of its own or in this one."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from trainshed_trainer import train

RUNS = pathlib.Path(__file__).parents[3] / "build" / "runs"
"""Where real runs leave what a person looks at: tests with a browser open it."""

OLD_PROTOBUF = [
    pytest.mark.filterwarnings(f"ignore:{words}:DeprecationWarning")
    for words in ("Type google.protobuf", "datetime.datetime.utcfromtimestamp")
]
"""Debian's protobuf, with which TensorBoard's files are written, is older than its Python."""

SMALL: Mapping[str, Mapping[str, Any]] = {
    "cnn": {"channels": [4], "hidden": 16},
    "cnn-attention": {"channels": [4, 8], "hidden": 16, "heads": 2},
    "lstm": {"hidden": 16},
    "cnn-lstm": {"channels": [4], "features": 8, "hidden": 16, "cell": "gru"},
}

PARAMETERS = {"cnn": 1254, "cnn-attention": 998, "lstm": 17608, "cnn-lstm": 3436}
"""What each of them learns; in Keras a GRU has one more bias, which stays 0."""
FLOPS = {
    # 8 x 8 pixels, 4 channels of 3 x 3; then 4 x 4 x 4 numbers to 16, and those to 10 classes.
    "cnn": 2 * (64 * 9 * 4 + 64 * 16 + 16 * 10),
    # The same, then 4 x 4 pixels to 8 channels; 4 places ask, are asked and give, 2 products of
    # all with all, and one linear layer; then 8 numbers to 16, and those to 10.
    "cnn-attention": 2
    * (64 * 9 * 4 + 16 * 36 * 8 + 4 * 8 * 24 + 2 * 4 * 4 * 8 + 4 * 8 * 8 + 8 * 16 + 16 * 10),
    # 16 frames of 16 x 16 pixels and 16 numbers to 4 gates of 16, and the last ones to 8 classes.
    "lstm": 2 * (16 * (256 + 16) * 64 + 16 * 8),
    # 16 frames: 16 x 16 pixels, 4 channels of 3 x 3, 4 x 8 x 8 numbers to 8, and those and 16 to 3
    # gates of 16; then 16 to 8 classes.
    "cnn-lstm": 2 * (16 * (256 * 9 * 4 + 256 * 8 + (8 + 16) * 48) + 16 * 8),
}
"""Operations of one sample's products and convolutions, by hand: two for each weight used."""


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


def floats(folder: pathlib.Path, *, low: float, high: float) -> dict[str, Any]:
    """Return the digits as a set of floats between two values, in an npz file."""
    import numpy as np

    from trainshed_trainer.data import digits

    images, labels = digits.load()
    np.savez(folder / "set.npz", images=low + images * np.float32(high - low), labels=labels)
    return {"folder": {"path": str(folder / "set.npz"), "layout": "npz"}}


def clips(folder: pathlib.Path, *, frames: int) -> dict[str, Any]:
    """Return 32 clips of noise in two classes, in an npz file."""
    import numpy as np

    noise = np.random.default_rng(0).random((32, frames, 8, 8), dtype=np.float32)
    np.savez(folder / "clips.npz", clips=noise, labels=np.arange(32) % 2)
    return {"folder": {"path": str(folder / "clips.npz"), "layout": "npz"}}


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


def keep(folder: pathlib.Path, name: str) -> None:
    """Keep the files of a run for tests that look at them elsewhere."""
    shutil.rmtree(RUNS / name, ignore_errors=True)
    shutil.copytree(folder, RUNS / name)
