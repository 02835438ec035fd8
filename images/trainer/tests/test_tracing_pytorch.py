"""Traces by PyTorch's profiler, in real runs, and what it looks at in a model."""

from __future__ import annotations

import gzip
import json
import pathlib

import pytest

from images.trainer.tests import training

pytestmark = pytest.mark.torch


def test_a_trace_has_the_operations_of_the_steps(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = {"profile": {"atStep": 1, "steps": 2}}
    asked = training.spec("pytorch", "cnn", visualization=looks)

    account = training.trained(asked, tmp_path, monkeypatch)

    (path,) = account["traces"]
    assert path == "traces/step-1/trace.json.gz"
    trace = json.loads(gzip.decompress((tmp_path / "artifacts" / path).read_bytes()))
    steps = [each for each in trace["traceEvents"] if each["name"] == "aten::conv2d"]
    assert len(steps) == 2


def test_a_trace_that_can_not_be_written_disturbs_no_run_and_is_told_of(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = training.spec("pytorch", "cnn", visualization={"profile": {"atStep": 1, "steps": 1}})
    (tmp_path / "artifacts" / "traces" / "step-1" / "trace.json.gz").mkdir(parents=True)

    account = training.trained(asked, tmp_path, monkeypatch)

    assert (account["outcome"], account["steps"]) == ("succeeded", 3)
    assert "traces" not in account
    assert "ProfileFailed" in account["warnings"][0]
    assert "ProfileFailed" in capsys.readouterr().err


def test_a_report_that_can_not_be_written_disturbs_no_run_and_is_told_of(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "artifacts" / "report.html").mkdir(parents=True)

    account = training.trained(training.spec("pytorch", "cnn"), tmp_path, monkeypatch)

    assert (account["outcome"], account["steps"]) == ("succeeded", 3)
    assert "report" not in account
    assert account["warnings"][0].startswith("ReportFailed: no report:")


def test_a_place_that_takes_no_files_ends_a_run_before_its_first_step(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "artifacts").write_text("a file")

    with pytest.raises(AssertionError, match="ArtifactsNotWritten"):
        training.trained(training.spec("pytorch", "cnn"), tmp_path, monkeypatch)

    assert "steps" not in json.loads((tmp_path / "account.json").read_text())["account"]


def test_a_run_is_the_same_whether_it_is_looked_at_or_not(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = []
    for looks in (None, {"profile": {"atStep": 1, "steps": 1}}):
        asked = training.spec("pytorch", "cnn-attention", visualization=looks)
        losses.append(training.trained(asked, tmp_path, monkeypatch)["loss"])

    assert losses[0] == losses[1]
