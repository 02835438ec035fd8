"""Tests of models trained in PyTorch: speed, what they look at, the report, folds."""

from __future__ import annotations

import pathlib

import pytest

from images.trainer.tests import training

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", training.SMALL)
def test_every_model_is_tested_looked_into_and_reported(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = {"visual": True, "performance": {"warmupSteps": 1, "steps": 3}}
    asked = training.spec("pytorch", name, evaluation=evaluation)

    account = training.trained(asked, tmp_path, monkeypatch)

    tested = account["performance"]
    assert (tested["steps"], account["steps"]) == (3, 3)
    assert tested["samplesPerSecond"] > 0
    assert tested["parameters"] == training.PARAMETERS[name]
    assert tested["flops"] == training.FLOPS[name]
    assert "utilisation" not in tested
    text = (tmp_path / "artifacts" / account["report"]).read_text()
    assert len(text.encode()) < 1_000_000
    for title in ("Training", "Performance test", "Confusion", "Samples", "Model", "Data", "Spec"):
        assert f"<h2>{title}</h2>" in text
    assert text.count("<img") == 24


def test_a_fold_of_a_cross_validation_holds_out_its_part(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = training.spec("pytorch", "cnn", evaluation={"crossValidation": {"folds": 3}})
    asked["training"] = {"epochs": 1, "optimizer": {"learningRate": 0.01}}

    account = training.trained(asked, tmp_path, monkeypatch, FOLD="2")

    assert account["samples"] == 1797 - 1797 // 3
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
