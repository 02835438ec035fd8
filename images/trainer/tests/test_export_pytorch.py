"""Exports of PyTorch's models, read back without the training library."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from images.trainer.tests import training
from trainshed_trainer import errors

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", training.SMALL)
def test_every_model_is_exported_as_it_was_trained(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", name, export={"formats": ["torchscript", "onnx"]})

    account = training.trained(asked, tmp_path, monkeypatch)

    assert [each["format"] for each in account["exports"]] == ["torchscript", "onnx"]
    for each in account["exports"]:
        assert each["maxDifference"] < 1e-4
        assert each["bytes"] > 1000
        assert "latencySeconds" not in each


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1)], ids=str)
def test_floats_are_exported_as_they_are(
    low: float, high: float, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", "cnn", export={"formats": ["torchscript", "onnx"]})
    asked["data"] = training.floats(tmp_path, low=low, high=high)

    account = training.trained(asked, tmp_path, monkeypatch)

    words = json.loads((tmp_path / "models/torchscript/preprocessing.json").read_text())
    assert words["input"]["range"] is None
    assert max(each["maxDifference"] for each in account["exports"]) < 1e-4


def test_a_reader_needs_no_more_than_the_files(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime
    import sklearn.datasets
    import torch

    asked = training.spec("pytorch", "cnn", export={"formats": ["torchscript", "onnx"]})
    asked["training"] = {"epochs": 3, "optimizer": {"learningRate": 0.01}}
    accuracy = training.trained(asked, tmp_path, monkeypatch)["metrics"]["accuracy"]
    found = sklearn.datasets.load_digits()
    pixels = (found.images[:, None] / 16).astype(np.float32)

    script = torch.jit.load(str(tmp_path / "models/torchscript/model.pt"))
    session = onnxruntime.InferenceSession(str(tmp_path / "models/onnx/model.onnx"))
    words = json.loads((tmp_path / "models/onnx/preprocessing.json").read_text())

    assert (words["input"]["layout"], words["input"]["shape"]) == ("NCHW", [None, 1, 8, 8])
    assert words["input"]["range"] == [0, 1]
    for logits in (
        script(torch.from_numpy(pixels)).numpy(),
        session.run(["logits"], {"inputs": pixels})[0],
    ):
        classes = np.array(words["output"]["classes"])[logits.argmax(1)].astype(int)
        assert (classes == found.target).mean() == pytest.approx(accuracy, abs=0.05)


def test_each_file_is_timed_where_that_is_asked_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", "cnn", export={"formats": ["onnx"], "benchmark": True})

    (export,) = training.trained(asked, tmp_path, monkeypatch)["exports"]

    assert export["latencySeconds"]["samples"] == 1
    assert export["batchLatencySeconds"]["samples"] == 32
    assert 0 < export["latencySeconds"]["p50"] <= export["latencySeconds"]["p95"]


def test_a_model_that_was_trained_in_16_bits_is_exported_in_32(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", "cnn-lstm", export={"formats": ["onnx"]})
    asked["training"]["precision"] = "bf16"

    (export,) = training.trained(asked, tmp_path, monkeypatch)["exports"]

    assert export["maxDifference"] < 1e-4


def test_an_export_that_answers_otherwise_fails_the_run_and_is_not_there(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainshed_trainer.exporting import exporter

    monkeypatch.setattr(exporter, "TOLERANCE", -1.0)
    asked = training.spec("pytorch", "cnn", export={"formats": ["torchscript"]})

    with pytest.raises(AssertionError, match=r"ExportMismatch"):
        training.trained(asked, tmp_path, monkeypatch)

    assert list((tmp_path / "models").iterdir()) == []
    assert errors.ExportError.exit_code == errors.EXIT_CONFIGURATION
