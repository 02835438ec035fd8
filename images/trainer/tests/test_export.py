"""Exports without a framework: folders, comparison, timing, the spec."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib

import numpy as np
import pytest

from trainshed_trainer import claims, context, errors, observing, schema
from trainshed_trainer.exporting import exporter, files, timing
from trainshed_trainer.training import ranks

pytestmark = pytest.mark.numpy
SAMPLES = exporter.Samples(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32) * 10)


def test_a_folder_appears_as_a_whole_and_replaces_the_one_before(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "onnx"
    for words in ("first", "second"):
        with files.whole(folder) as beside:
            (beside / "model").write_text(words)
            assert not folder.exists() or (folder / "model").read_text() == "first"

    assert (folder / "model").read_text() == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["onnx"]
    assert files.size(folder) == len("second")


def test_a_failed_export_leaves_the_one_before(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "onnx"
    with files.whole(folder) as beside:
        (beside / "model").write_text("first")

    with pytest.raises(ZeroDivisionError), files.whole(folder) as beside:
        (beside / "model").write_text(f"{1 / 0}")

    assert (folder / "model").read_text() == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["onnx"]


def test_a_place_that_takes_no_files_is_told_of(tmp_path: pathlib.Path) -> None:
    (tmp_path / "taken").write_text("a file")

    folder = tmp_path / "taken" / "onnx"
    with pytest.raises(errors.ExportError, match="volume with room") as raised, files.whole(folder):
        pass

    assert raised.value.reason == "ExportNotWritten"


def test_a_full_volume_is_told_of_and_keeps_what_was_there(tmp_path: pathlib.Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "models" / "onnx"
    for path in (source, folder):
        path.mkdir(parents=True)
    (source / "data").write_bytes(b"x" * 10_000)
    (folder / "model").write_text("first")

    def export() -> None:
        with files.whole(folder) as beside:
            # The whole volume is as this one file, which takes nothing.
            (beside / "data").symlink_to("/dev/full")
            files.copy(source, beside)

    with pytest.raises(errors.ExportError, match="No space left on device") as raised:
        export()

    assert (raised.value.reason, raised.value.failure_class) == ("ExportNotWritten", "Data")
    assert [each.name for each in (tmp_path / "models").iterdir()] == ["onnx"]
    assert (folder / "model").read_text() == "first"


def test_a_copy_has_all_that_is_below(tmp_path: pathlib.Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "variables" / "deep").mkdir(parents=True)
    (source / "variables" / "deep" / "data").write_text("words")
    (source / "model").write_text("more")
    target.mkdir()

    files.copy(source, target)

    found = {
        str(each.relative_to(target)): each.read_text()
        for each in target.rglob("*")
        if each.is_file()
    }
    assert found == {"model": "more", "variables/deep/data": "words"}


def test_a_place_that_takes_no_files_is_told_of_before_anything_is_trained(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(errors.ExportError, match=r"pod\.fsGroup, may write to"):
        files.prepare(tmp_path / "taken" / "models")


def test_the_largest_difference_of_all_logits_is_told() -> None:
    assert exporter.check("onnx", lambda raw: raw * 10 + 1e-4, SAMPLES) == pytest.approx(1e-4, 0.01)


@pytest.mark.parametrize("wrong", [0.01, np.nan], ids=["far off", "no number"])
def test_a_file_that_answers_otherwise_is_refused(wrong: float) -> None:
    with pytest.raises(errors.ExportError, match="otherwise than the trained model") as raised:
        exporter.check("onnx", lambda raw: raw * 10 + np.float32(wrong), SAMPLES)

    assert raised.value.reason == "ExportMismatch"


def test_a_file_that_is_wrong_for_one_sample_alone_is_refused() -> None:
    def answer(raw: np.ndarray) -> np.ndarray:
        return raw * 10 if len(raw) > 1 else raw

    with pytest.raises(errors.ExportError):
        exporter.check("onnx", answer, SAMPLES)


def test_latency_is_of_the_calls_after_the_warm_up() -> None:
    calls = itertools.count()
    seconds = itertools.count(step=0.01)

    found = timing.measure(
        lambda raw: (next(calls), raw)[1], SAMPLES.raw, clock=lambda: next(seconds)
    )

    assert (found.samples, found.p50, found.p95) == (4, *[pytest.approx(0.01)] * 2)
    assert 100 <= next(calls) - timing.WARMUP_CALLS <= 101


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"export": {"formats": []}}, "must name at least one"),
        ({"export": {"formats": ["savedmodel"]}}, "pytorch writes torchscript and onnx"),
        (
            {"export": {"formats": ["onnx"]}, "evaluation": {"crossValidation": {"folds": 3}}},
            "both export and evaluation.crossValidation",
        ),
    ],
)
def test_what_can_not_be_exported_is_refused_at_once(spec: object, said: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=said):
        schema.read({"framework": "pytorch", **spec})  # type: ignore[dict-item]


def test_only_the_first_process_exports_and_only_to_a_folder(tmp_path: pathlib.Path) -> None:
    spec = schema.read({"export": {"formats": ["onnx"]}})
    known = context.Context(export_dir=str(tmp_path / "models"))

    def found(rank: int, known: context.Context) -> int:
        among = ranks.Ranks(rank, 2)
        return len(observing.observers_of(spec, None, None, known=known, among=among))  # type: ignore[arg-type]

    assert [found(rank, known) for rank in (0, 1)] == [1, 0]
    with pytest.raises(errors.ConfigurationError, match="set TRAINSHED_EXPORT_DIR"):
        found(0, dataclasses.replace(known, export_dir=""))


def test_the_launcher_passes_on_what_is_sound_of_an_account_of_exports() -> None:
    sound = exporter.Exported(
        "onnx", "onnx", 4096, 1e-6, (timing.Latency(1, 0.001, 0.002), timing.Latency(32, 0.1, 0.2))
    ).to_dict()

    left = {"exports": [sound, {"format": ["no"], "bytes": -1, "latencySeconds": {"p50": "x"}}, 7]}

    assert claims.account(left)["exports"] == [
        sound,
        {"maxDifference": None, "latencySeconds": {"samples": None, "p50": None, "p95": None}},
        {},
    ]
    assert claims.account({"exports": "no"}) == {}
