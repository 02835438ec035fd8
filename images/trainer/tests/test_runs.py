"""What real runs in the images have left, opened with what a person has: a browser, TensorBoard.

`make test-trainer` trains each model in both frameworks, and then has these look at it.
"""

from __future__ import annotations

import os
import pathlib

import pytest

from images.trainer.tests import browsing, training
from images.trainer.tests.test_boards import accumulated

pytestmark = [
    pytest.mark.numpy,
    pytest.mark.skipif(
        "TRAINSHED_RUNS" not in os.environ,
        reason="TRAINSHED_RUNS names no runs to look at: `make test-trainer` makes some",
    ),
]
MODELS = [
    f"{framework}-{name}" for framework in ("pytorch", "tensorflow") for name in training.SMALL
]
TITLES = ("Training", "Performance test", "Confusion", "Samples", "Model", "Data", "Spec")
SAMPLES = 12
MOST_BYTES = 1_000_000


@pytest.fixture(params=MODELS)
def run(request: pytest.FixtureRequest) -> pathlib.Path:
    return pathlib.Path(os.environ["TRAINSHED_RUNS"]) / str(request.param)


def test_the_report_is_one_small_file_that_needs_no_other(run: pathlib.Path) -> None:
    text = (run / "report.html").read_text()
    outline = browsing.Outline(text)

    assert len(text.encode()) < MOST_BYTES
    assert not {"script", "link", "iframe", "object", "a"} & {each for each, _ in outline.elements}
    assert all((each["src"] or "").startswith("data:image/png") for each in outline.all("img"))
    assert not [each for each in ("http:", "https:", "url(", "@import") if each in text]


def test_the_report_has_the_models_layers_parameters_and_operations(run: pathlib.Path) -> None:
    text, lines = (run / name for name in ("report.html", "model-summary.txt"))
    name = run.name.partition("-")[2]
    layers = lines.read_text().splitlines()

    assert f"{training.FLOPS[name]:,} operations for one sample" in text.read_text()
    assert f"{layers[-2].partition(': ')[2]} parameters" in text.read_text()
    assert text.read_text().count("<rect") == layers.index("")


@pytest.mark.skipif(browsing.BROWSER is None, reason=browsing.MISSING)
def test_a_browser_shows_all_of_the_report(run: pathlib.Path, tmp_path: pathlib.Path) -> None:
    opened = browsing.opened((run / "report.html").read_text(), tmp_path)

    # A model that attends shows this, too.
    pictures = SAMPLES * (3 if run.name.endswith("attention") else 2)
    answer = opened.answer
    assert opened.title == "digits: training report"
    assert (answer["fetched"], answer["refused"]) == ([], [])
    assert len(answer["images"]) == pictures
    # Four charts of the training, and the model's graph.
    assert len(answer["drawings"]) == 5
    assert min(answer["images"] + answer["drawings"]) > 0
    assert answer["overflow"] <= 0
    assert not [each for each in TITLES if each not in answer["words"].splitlines()]


def test_tensorboard_shows_the_curves_the_spec_and_the_graph(run: pathlib.Path) -> None:
    found = accumulated(run / "tensorboard")

    tags = {"training/loss", "training/learning_rate", "training/samples_per_second"}
    assert set(found.Tags()["scalars"]) == tags | {"held-out/accuracy", "held-out/loss"}
    assert [each.step for each in found.Scalars("held-out/accuracy")] == [3]
    assert "spec/text_summary" in found.Tags()["tensors"]
    nodes = {each.name: each for each in found.Graph().node}
    assert len(nodes) >= 3
    assert {name for each in nodes.values() for name in each.input} < set(nodes)


def test_the_summary_has_a_line_for_each_layer_of_the_graph(run: pathlib.Path) -> None:
    lines = (run / "model-summary.txt").read_text().splitlines()
    nodes = {each.name for each in accumulated(run / "tensorboard").Graph().node}

    layers = lines[1 : lines.index("")]
    assert {each.split()[0].replace(".", "/") for each in layers} == nodes - {"input"}
