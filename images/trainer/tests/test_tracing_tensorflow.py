"""Traces by TensorFlow's profiler, in real runs."""

from __future__ import annotations

import pathlib

import pytest

from images.trainer.tests import training

pytestmark = pytest.mark.tensorflow


def test_a_trace_has_the_operations_of_the_steps(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = {"profile": {"atStep": 1, "steps": 2}}
    asked = training.spec("tensorflow", "cnn", visualization=looks)

    account = training.trained(asked, tmp_path, monkeypatch)

    (path,) = account["traces"]
    assert path.startswith("traces/step-1/plugins/profile/")
    trace = (tmp_path / "artifacts" / path).read_bytes()
    assert path.endswith(".xplane.pb")
    assert b"Conv2D" in trace


def test_a_profiler_that_is_taken_disturbs_no_run_and_is_told_of(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tensorflow as tf

    looks = {"profile": {"atStep": 1, "steps": 1}}
    asked = training.spec("tensorflow", "cnn", visualization=looks)
    tf.profiler.experimental.start(str(tmp_path / "another"))
    try:
        account = training.trained(asked, tmp_path, monkeypatch)
    finally:
        tf.profiler.experimental.stop()

    assert (account["outcome"], account["steps"]) == ("succeeded", 3)
    assert "traces" not in account
    assert "ProfileFailed" in account["warnings"][0]
    assert "ProfileFailed" in capsys.readouterr().err


def test_a_run_is_the_same_whether_it_is_looked_at_or_not(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = []
    for looks in (None, {"profile": {"atStep": 1, "steps": 1}}):
        asked = training.spec("tensorflow", "cnn-attention", visualization=looks)
        losses.append(training.trained(asked, tmp_path, monkeypatch)["loss"])

    assert losses[0] == losses[1]
