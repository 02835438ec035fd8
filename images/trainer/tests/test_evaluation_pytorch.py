"""Tests of models trained in PyTorch: speed, what they look at, the report, folds."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

from images.trainer.tests import training

pytestmark = [pytest.mark.torch, *training.OLD_PROTOBUF]
ONE_HEAD = {"name": "cnn-attention", "params": {"channels": [4, 8], "hidden": 16, "heads": 1}}


@pytest.mark.parametrize("name", training.SMALL)
def test_every_model_is_tested_looked_into_and_reported(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = {"visual": True, "performance": {"warmupSteps": 1, "steps": 3}}
    looks = {"tensorboard": {"enabled": True}, "profile": {"atStep": 1, "steps": 1}}
    asked = training.spec("pytorch", name, evaluation=evaluation, visualization=looks)

    account = training.trained(asked, tmp_path, monkeypatch)

    tested = account["performance"]
    assert (tested["steps"], account["steps"]) == (3, 3)
    assert tested["samplesPerSecond"] > 0
    assert tested["parameters"] == training.PARAMETERS[name]
    assert tested["flops"] == training.FLOPS[name]
    assert "utilisation" not in tested
    artifacts = tmp_path / "artifacts"
    assert {account["report"], "model-summary.txt", "tensorboard", "traces"} == {
        each.name for each in artifacts.iterdir()
    }
    assert f"FLOPs): {training.FLOPS[name]:,}" in (artifacts / "model-summary.txt").read_text()
    assert account["traces"]
    training.keep(artifacts, f"pytorch-{name}")


def test_a_fold_of_a_cross_validation_holds_out_its_part(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", "cnn", evaluation={"crossValidation": {"folds": 3}})
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
    from trainshed_trainer.training import pytorch as framework

    spec = schema.read(training.spec("pytorch", "cnn"))
    prepared = preparing.prepare(spec.data)
    backend = framework.open(spec, prepared)
    before = backend.evaluate()
    course = courses.plan(spec.training, samples=len(prepared.train.labels))

    performance.measure(schema.Performance(warmup_steps=1, steps=2), backend, course)

    assert backend.evaluate() == before


def test_attention_is_the_share_by_which_each_place_is_taken() -> None:
    import torch

    from trainshed_trainer import schema
    from trainshed_trainer.data import preparing
    from trainshed_trainer.evaluation import lenses
    from trainshed_trainer.training import pytorch as framework

    spec = schema.read(training.spec("pytorch", "cnn-attention", model=ONE_HEAD))
    prepared = preparing.prepare(spec.data)
    backend = framework.open(spec, prepared)
    inputs = prepared.held.batch(np.arange(5), epoch=0)

    shares = lenses.take(spec, prepared, backend).attention(inputs)

    assert shares is not None
    assert shares.shape == (5, 2, 2)
    np.testing.assert_allclose(shares.sum((1, 2)), 1.0, atol=1e-5)
    # What one head makes of all places in the mean is their values by these shares.
    model = backend.model.eval()
    layer = model[9]
    with torch.no_grad():
        maps = model[:9](torch.from_numpy(inputs))
        positions = maps.flatten(2).transpose(1, 2)
        values = layer.taken(layer.norm(positions))[..., 16:]
        taken = layer.given(torch.from_numpy(shares).reshape(5, 1, 4) @ values)
        expected = (layer(maps) - positions).mean(1, keepdim=True)
    np.testing.assert_allclose(taken, expected, atol=1e-5)


def test_samples_that_were_left_out_are_in_the_account_and_in_the_report(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).random((40, 8, 8), dtype=np.float32)
    images[[3, 17]] = np.nan
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(40) % 2)
    where = {"path": str(tmp_path / "set.npz"), "layout": "npz"}
    data = {"folder": where, "maxCorrupt": 2}

    account = training.trained(training.spec("pytorch", "cnn", data=data), tmp_path, monkeypatch)

    assert account["corruptSamples"] == 2
    report = (tmp_path / "artifacts" / "report.html").read_text()
    assert "sample 3 has pixels that are not finite numbers" in report
    assert "sample 17 has" in report
