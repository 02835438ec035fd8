"""Exports of Keras' models, read back without the training library."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from images.trainer.tests import training

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("name", training.SMALL)
def test_every_model_is_exported_as_it_was_trained(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("tensorflow", name, export={"formats": ["savedmodel", "onnx"]})

    account = training.trained(asked, tmp_path, monkeypatch)

    assert [each["format"] for each in account["exports"]] == ["savedmodel", "onnx"]
    for each in account["exports"]:
        assert each["maxDifference"] < 1e-4
        assert each["bytes"] > 1000


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1)], ids=str)
def test_floats_are_exported_as_they_are(
    low: float, high: float, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("tensorflow", "cnn", export={"formats": ["savedmodel", "onnx"]})
    asked["data"] = training.floats(tmp_path, low=low, high=high)

    account = training.trained(asked, tmp_path, monkeypatch)

    words = json.loads((tmp_path / "models/savedmodel/preprocessing.json").read_text())
    assert words["input"]["range"] is None
    assert max(each["maxDifference"] for each in account["exports"]) < 1e-4


@pytest.mark.parametrize("name", ["lstm", "cnn-lstm"])
def test_clips_too_long_to_unroll_are_exported_as_a_loop(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainshed_trainer.models.tensorflow import recurring

    frames = recurring.LONGEST_UNROLLED + 1
    asked = training.spec("tensorflow", name, export={"formats": ["savedmodel", "onnx"]})
    asked["data"] = training.clips(tmp_path, frames=frames)

    account = training.trained(asked, tmp_path, monkeypatch)

    words = json.loads((tmp_path / "models/onnx/preprocessing.json").read_text())
    assert words["input"]["shape"][1] == frames
    assert max(each["maxDifference"] for each in account["exports"]) < 1e-4


@pytest.mark.parametrize("frames", [4, 65], ids=["unrolled", "a loop"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_what_is_exported_beside_a_gpu_needs_none(
    cell: str, frames: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    from trainshed_trainer import schema
    from trainshed_trainer.data import preparing
    from trainshed_trainer.exporting import exporter as exporting
    from trainshed_trainer.exporting import tensorflow as exports
    from trainshed_trainer.training import tensorflow as framework

    asked = training.spec("tensorflow", "lstm")
    asked["model"] = {"name": "lstm", "params": {"hidden": 4, "cell": cell}}
    asked["data"] = training.clips(tmp_path, frames=frames)
    spec = schema.read(asked)
    prepared = preparing.prepare(spec.data)
    backend = framework.open(spec, prepared)
    # Keras looks for one while it records a graph. There is none here to run cuDNN's layers.
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["GPU:0"])

    exporter = exports.Exporter(spec, prepared, backend)
    exporter.write("savedmodel", tmp_path)

    samples = exporting.Samples.of(prepared, exporter)
    exporting.check("savedmodel", exporter.read("savedmodel", tmp_path), samples)


def test_a_reader_needs_no_more_than_the_files(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime
    import sklearn.datasets
    import tensorflow as tf

    asked = training.spec("tensorflow", "cnn", export={"formats": ["savedmodel", "onnx"]})
    asked["training"] = {"epochs": 3, "optimizer": {"learningRate": 0.01}}
    accuracy = training.trained(asked, tmp_path, monkeypatch)["metrics"]["accuracy"]
    found = sklearn.datasets.load_digits()
    pixels = (found.images[..., None] / 16).astype(np.float32)

    saved = tf.saved_model.load(str(tmp_path / "models/savedmodel"))
    session = onnxruntime.InferenceSession(str(tmp_path / "models/onnx/model.onnx"))
    words = json.loads((tmp_path / "models/savedmodel/preprocessing.json").read_text())

    assert (words["input"]["layout"], words["input"]["shape"]) == ("NHWC", [None, 8, 8, 1])
    assert words["input"]["range"] == [0, 1]
    for logits in (
        saved.signatures["serving_default"](inputs=tf.constant(pixels))["logits"].numpy(),
        session.run(["logits"], {"inputs": pixels})[0],
    ):
        classes = np.array(words["output"]["classes"])[logits.argmax(1)].astype(int)
        assert (classes == found.target).mean() == pytest.approx(accuracy, abs=0.05)


def test_a_model_that_was_trained_in_16_bits_is_exported_in_32_and_timed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = {"formats": ["onnx"], "benchmark": True}
    asked = training.spec("tensorflow", "cnn", export=export)
    asked["training"]["precision"] = "bf16"

    (export,) = training.trained(asked, tmp_path, monkeypatch)["exports"]

    assert export["maxDifference"] < 1e-4
    assert export["latencySeconds"]["samples"] == 1
    assert 0 < export["latencySeconds"]["p50"] <= export["latencySeconds"]["p95"]
