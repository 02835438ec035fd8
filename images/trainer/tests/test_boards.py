"""TensorBoard's files, read back by TensorBoard itself where it is there."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import pathlib
import resource
from collections.abc import Sequence
from typing import Any

import pytest

from images.trainer.tests import training
from trainshed_trainer import context, schema
from trainshed_trainer.evaluation import lenses
from trainshed_trainer.reporting import history
from trainshed_trainer.run import Run
from trainshed_trainer.tracing import boards

pytestmark = [pytest.mark.numpy, *training.OLD_PROTOBUF]
LAYERS = [
    lenses.Layer("0", "Conv2d", (4, 8, 8), 36),
    lenses.Layer("1.norm", "LayerNorm", (64, 4), 8, ("0",)),
    lenses.Layer("2", "Add", (64, 4), 0, ("0", "1.norm")),
]
SPEC = schema.read({"model": {"name": "cnn"}, "training": {"epochs": 3, "batchSize": 16}})


class FakeLens:
    def layers(self) -> Sequence[lenses.Layer]:
        return LAYERS


def board(folder: pathlib.Path, **options: Any) -> boards.Board:
    pytest.importorskip("tensorboardX", reason="no tensorboardX here: the images have it")
    return boards.Board(SPEC, folder=str(folder), lens=FakeLens, **options)  # type: ignore[arg-type]


def accumulated(folder: pathlib.Path) -> Any:
    """Return what TensorBoard reads in a folder."""
    name = "tensorboard.backend.event_processing.event_accumulator"
    reason = "no TensorBoard here: `make test-data` has it"
    found = pytest.importorskip(name, reason=reason).EventAccumulator(str(folder))
    found.Reload()
    return found


def trained(job: context.Context, written: boards.Board) -> None:
    """Take 40 steps in two epochs."""
    curves = history.History(written=written.point)
    with Run(known=job) as run:
        for epoch in (1, 2):
            for _ in run.steps(range(20), samples=16):
                curves.stepping(run)
                run.log(loss=1 / (run.step + 1), learning_rate=0.1)
            found = {"accuracy": 0.4 * epoch, "loss": 1.0}
            run.evaluate(**found)
            curves.evaluated(run, found)
            written.evaluated(run, found)
        written.finished(run)
    written.close()


def account(job: context.Context) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pathlib.Path(job.account_file).read_text())["account"]
    return found


# What tensorboardX could not write, it never closes: Python tries it once more, and tells of it.
UNCLOSED = (
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
)


def unclosed(test: Any) -> Any:
    """Let a test leave such a file, and be the one in which Python finds it."""

    @functools.wraps(test)
    def whole(*given: Any, **named: Any) -> None:
        test(*given, **named)
        gc.collect()

    for mark in UNCLOSED:
        whole = mark(whole)
    return whole


@unclosed
def test_what_is_lost_at_the_very_end_is_told_of(
    job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until then all of it is held back: only what is written tells that it can't be."""
    written = board(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Run(known=job) as run:
        run.evaluate(accuracy=0.5)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            written.finished(run)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    written.close()

    assert [each[:17] for each in account(job)["warnings"]] == ["TensorBoardFailed"]
    assert capsys.readouterr().err.count("TensorBoardFailed") == 1


def test_tensorboard_shows_the_curves(job: context.Context, tmp_path: pathlib.Path) -> None:
    trained(job, board(tmp_path))
    found = accumulated(tmp_path / "tensorboard")

    steps = [10, 20, 30, 40]
    assert [each.step for each in found.Scalars("training/loss")] == steps
    assert [each.step for each in found.Scalars("training/samples_per_second")] == steps
    assert found.Scalars("training/learning_rate")[0].value == pytest.approx(0.1)
    accuracy = [(each.step, round(each.value, 6)) for each in found.Scalars("held-out/accuracy")]
    assert accuracy == [(20, 0.4), (40, 0.8)]


def test_tensorboard_shows_the_spec_the_parameters_and_the_graph(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    trained(job, board(tmp_path))
    found = accumulated(tmp_path / "tensorboard")

    (told,) = found.Tensors("spec/text_summary")
    assert b"| training.batchSize | `16` |" in told.tensor_proto.string_val[0]
    assert set(found.PluginTagToContent("hparams")) == {
        f"_hparams_/{name}" for name in ("experiment", "session_start_info", "session_end_info")
    }
    nodes = {each.name: (each.op, list(each.input)) for each in found.Graph().node}
    assert nodes == {
        "input": ("Placeholder", []),
        "0": ("Conv2d", ["input"]),
        "1/norm": ("LayerNorm", ["0"]),
        "2": ("Add", ["0", "1/norm"]),
    }


def test_what_is_written_can_be_seen_while_the_run_goes_on(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    now = [0.0]
    with contextlib.closing(board(tmp_path, clock=lambda: now[0])) as written:
        written.point("loss", 10, 0.5)
        now[0] = 11.0
        written.point("loss", 20, 0.25)

        found = accumulated(tmp_path / "tensorboard")

    assert [each.value for each in found.Scalars("training/loss")] == [0.5, 0.25]


def test_a_folder_that_takes_no_files_disturbs_no_run_and_is_told_of(
    job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tensorboard").write_text("a file")

    trained(job, board(tmp_path))

    assert [each[:17] for each in account(job)["warnings"]] == ["TensorBoardFailed"]
    assert capsys.readouterr().err.count("TensorBoardFailed") == 1


@unclosed
def test_a_volume_that_fills_up_disturbs_no_run_and_is_told_of(
    job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = board(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        trained(job, written)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    found = account(job)
    assert (found["outcome"], found["steps"], len(found["warnings"])) == ("succeeded", 40, 1)
    assert "File too large: give visualization.volume more room" in found["warnings"][0]
    assert capsys.readouterr().err.count("TensorBoardFailed") == 1
