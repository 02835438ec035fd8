"""Tests of models trained in TensorFlow: speed, what they look at, the report, folds."""

from __future__ import annotations

import math
import pathlib

import numpy as np
import pytest

from images.trainer.tests import training

pytestmark = pytest.mark.tensorflow
ONE_HEAD = {"name": "cnn-attention", "params": {"channels": [4, 8], "hidden": 16, "heads": 1}}


@pytest.mark.parametrize("name", training.SMALL)
def test_every_model_is_tested_looked_into_and_reported(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = {"visual": True, "performance": {"warmupSteps": 1, "steps": 3}}
    looks = {"tensorboard": {"enabled": True}, "profile": {"atStep": 1, "steps": 1}}
    asked = training.spec("tensorflow", name, evaluation=evaluation, visualization=looks)

    account = training.trained(asked, tmp_path, monkeypatch)

    tested = account["performance"]
    assert (tested["steps"], account["steps"]) == (3, 3)
    assert tested["samplesPerSecond"] > 0
    assert math.isclose(tested["parameters"], training.PARAMETERS[name], rel_tol=0.02)
    assert tested["flops"] == training.FLOPS[name]
    assert "utilisation" not in tested
    artifacts = tmp_path / "artifacts"
    assert {account["report"], "model-summary.txt", "tensorboard", "traces"} == {
        each.name for each in artifacts.iterdir()
    }
    assert f"FLOPs): {training.FLOPS[name]:,}" in (artifacts / "model-summary.txt").read_text()
    assert account["traces"]
    training.keep(artifacts, f"tensorflow-{name}")


def test_a_fold_of_a_cross_validation_holds_out_its_part(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("tensorflow", "cnn", evaluation={"crossValidation": {"folds": 3}})
    asked["training"] = {"epochs": 2, "optimizer": {"learningRate": 0.01}}

    account = training.trained(asked, tmp_path, monkeypatch, FOLD="2")

    assert account["samples"] == 2 * (1797 - 1797 // 3)
    assert account["metrics"]["accuracy"] > 0.5


def test_a_model_is_no_other_after_its_test(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainshed_trainer import schema
    from trainshed_trainer.data import preparing
    from trainshed_trainer.evaluation import performance
    from trainshed_trainer.training import courses
    from trainshed_trainer.training import tensorflow as framework

    spec = schema.read(training.spec("tensorflow", "cnn"))
    prepared = preparing.prepare(spec.data)
    backend = framework.open(spec, prepared)
    before = backend.evaluate()
    course = courses.plan(spec.training, samples=len(prepared.train.labels))

    performance.measure(schema.Performance(warmup_steps=1, steps=2), backend, course)

    assert backend.evaluate() == before


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
@pytest.mark.parametrize("frames", [3, 70], ids=["unrolled", "a loop"])
def test_operations_of_all_frames_count_however_they_are_run(
    frames: int, cell: str, gates: int
) -> None:
    from trainshed_trainer import schema
    from trainshed_trainer.evaluation import operations
    from trainshed_trainer.models.tensorflow import registry

    params = {"cell": cell, "hidden": 8, "layers": 2}
    spec = schema.read({"framework": "tensorflow", "model": {"name": "lstm", "params": params}})
    model = registry.build(spec.model, (frames, 1, 4, 4), 5)

    first, second = (16 + 8) * gates * 8, (8 + 8) * gates * 8
    assert operations.flops(model) == 2 * (frames * (first + second) + 8 * 5)


def test_attention_is_the_share_by_which_each_place_is_taken() -> None:
    import keras

    from trainshed_trainer import schema
    from trainshed_trainer.data import preparing
    from trainshed_trainer.evaluation import lenses
    from trainshed_trainer.training import tensorflow as framework

    spec = schema.read(training.spec("tensorflow", "cnn-attention", model=ONE_HEAD))
    prepared = preparing.prepare(spec.data)
    backend = framework.open(spec, prepared)
    inputs = prepared.held.batch(np.arange(5), epoch=0)

    shares = lenses.take(spec, prepared, backend).attention(inputs)

    assert shares is not None
    assert shares.shape == (5, 2, 2)
    np.testing.assert_allclose(shares.sum((1, 2)), 1.0, atol=1e-5)
    # What one head makes of all places in the mean is their values by these shares.
    layer = next(each for each in backend.model.layers if each.name.startswith("self_attention"))
    before, after = keras.Model(backend.model.input, [layer.input, layer.output])(
        np.moveaxis(inputs, -3, -1), training=False
    )
    values = np.asarray(layer.mixed(before))[..., 16:]
    taken = layer.joined(shares.reshape(5, 1, 4) @ values)
    np.testing.assert_allclose(taken, np.mean(after, axis=1, keepdims=True), atol=1e-5)
