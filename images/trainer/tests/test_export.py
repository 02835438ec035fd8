"""Exports without a framework: folders, comparison, timing, the spec."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer import claims, context, errors, observing, schema
from trainshed_trainer.data import corrupt, preparing, statistics
from trainshed_trainer.exporting import contract, exporter, files, timing
from trainshed_trainer.training import backends, ranks

pytestmark = pytest.mark.numpy
SAMPLES = exporter.Samples(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32) * 10, 4)
CLIP = (16, 3, 64, 64)


@dataclasses.dataclass
class Echo:
    """A trained model whose logits are the first pixels of a sample; it notes its batches."""

    contract: contract.Contract = dataclasses.field(
        default_factory=lambda: contract.Contract(CLIP, "NTCHW")
    )
    batches: list[int] = dataclasses.field(default_factory=list)

    def native(self, inputs: exporter.Array) -> exporter.Array:
        return inputs

    def trained(self, inputs: exporter.Array) -> exporter.Array:
        self.batches.append(len(inputs))
        found: exporter.Array = inputs.reshape(len(inputs), -1)[:, :8]
        return found


def prepared(inputs: np.ndarray, found: statistics.Statistics | None = None) -> Any:
    held = datasets.ArraySplit(inputs, np.zeros(len(inputs), np.int64))
    return preparing.Prepared(held, held, ("a",), found, None, corrupt.Tally())  # type: ignore[arg-type]


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


def test_pixels_that_hardly_differ_from_each_other_are_compared_as_they_are() -> None:
    # 273 to 273.1, say degrees: 32-bit numbers are too coarse to bring the model's inputs back.
    column = [np.full((3, 1, 1), value, np.float32) for value in (273.05, 0.03)]
    found, random = statistics.Statistics(*column), np.random.default_rng(0)
    inputs = random.normal(size=(8, *CLIP)).astype(np.float32)
    model = Echo()

    samples = exporter.Samples.of(prepared(inputs, found), model)

    assert samples.raw.min() > 272
    answer = lambda raw: model.trained((raw - found.mean) / found.deviation)  # noqa: E731
    assert exporter.check("onnx", answer, samples) < 1e-6


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.0, 1.0, [0, 1]), (0.25, 0.5, [0, 1]), (0.0, 255.0, None), (-1.0, 1.0, None)],
    ids=str,
)
def test_the_range_is_told_where_the_pixels_keep_to_it(
    low: float, high: float, told: list[int] | None
) -> None:
    raw = np.linspace(low, high, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    found = exporter.Samples.of(prepared(raw), Echo())

    assert found.range == told


def test_large_clips_are_tried_a_few_at_a_time() -> None:
    model = Echo()
    inputs = np.zeros((20, *CLIP), np.float32)

    samples = exporter.Samples.of(prepared(inputs), model)
    exporter.check("onnx", model.trained, samples)

    assert backends.EVALUATED_BYTES // (inputs[0].nbytes) == 5
    assert max(model.batches) == samples.at_once == 5
    assert len(samples.raw) == len(samples.expected) == 20


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
