"""The report's page: what it says, what it must not let through, how a browser takes it."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import pytest

from images.trainer.tests import browsing
from trainshed_trainer import context, schema
from trainshed_trainer.data import statistics
from trainshed_trainer.evaluation import lenses, performance, visual
from trainshed_trainer.exporting import exporter, timing
from trainshed_trainer.reporting import (
    charts,
    findings,
    graphs,
    history,
    page,
    pictures,
    summaries,
)
from trainshed_trainer.run import Run

pytestmark = pytest.mark.numpy
HOSTILE = "<script>document.title='taken'</script>\"'><img src=x onerror=alert(1)>"
MOST_BYTES = 1_000_000
LAYERS = [
    lenses.Layer("0", "Conv2d", (32, 64, 64), 864),
    lenses.Layer("1.norm", "LayerNorm", (4096, 32), 64, ("0",)),
    lenses.Layer("2", "Add", (4096, 32), 0, ("0", "1.norm")),
]


def found(*classes: str, shape: tuple[int, ...] = (3, 64, 64)) -> findings.Findings:
    """Return the findings of a run with all there is to tell of."""
    random = np.random.default_rng(0)
    confusion = np.eye(len(classes), dtype=np.int64) * 40
    confusion[0, -1] = 7
    # Noise, which packs worst; the same in each, since large clips of it take long to draw.
    inputs, saliency = random.standard_normal((2, *shape), dtype=np.float32)

    def sample(number: int) -> visual.Sample:
        attended = random.random((8, 8), dtype=np.float32) if number % 2 else None
        return visual.Sample(number, inputs, saliency, 0, number % 2, 0.75, attended)

    spec = schema.read(
        {
            "model": {"name": "cnn"},
            "data": {"uri": "s3://key:secret@store/set?signature=secret", "layout": "images"},
            "training": {"epochs": 3},
        }
    )
    column = np.full((3, 1, 1), 0.5, dtype=np.float32)
    latencies = (timing.Latency(1, 0.001, 0.002), timing.Latency(32, 0.01, 0.02))
    return findings.Findings(
        title="digits",
        spec=spec,
        info={"framework_version": "2.6", "device": "cpu", "dtype": "float32"},
        steps=300,
        samples=19_200,
        seconds=12.0,
        metrics={"accuracy": 0.9125, "loss": 0.25},
        model=findings.Model(LAYERS, 864, 7_077_888),
        data=findings.Data(
            classes, shape, [(10, 2)] * len(classes), statistics.Statistics(column, column)
        ),
        curves={
            "loss": [(step, 2 / (step + 1)) for step in range(0, 300, 10)],
            "held-out loss": [(100, 0.5), (200, 0.3), (300, 0.25)],
            "held-out accuracy": [(300, 0.9125)],
        },
        performance=performance.Measured(50, 0.01, 0.02, 6400.0, 0.04),
        exports=[exporter.Exported("onnx", "onnx", 123_456, 1e-6, latencies)],
        seen=visual.Seen(confusion, tuple(sample(number) for number in range(12))),
    )


def test_the_page_tells_all_that_was_found() -> None:
    text = page.render(found("cat", "dog"))

    for words in ("0.9125", "19,200", "7,077,888", "123,456", "1e-06", "6,400", "cross", "Conv2d"):
        assert words in text
    assert "Share of the device's peak (MFU)" in text.replace("&#x27;", "'")
    assert "not measured" in text


def test_the_page_is_whole_small_and_needs_neither_script_nor_network() -> None:
    text = page.render(found("cat", "dog"))
    outline = browsing.Outline(text)

    assert outline.open == []
    assert len(text.encode()) < MOST_BYTES
    assert not {"script", "link", "iframe", "object"} & {name for name, _ in outline.elements}
    sources = [each["src"] or "" for each in outline.all("img")]
    assert len(sources) == 24 + 6
    assert all(each.startswith("data:image/png;base64,") for each in sources)
    assert not {"http:", "https:"} & set(text.replace(":", ": ").split())
    assert "url(" not in text


def test_the_page_is_one_that_everybody_can_read() -> None:
    outline = browsing.Outline(page.render(found("cat", "dog")))

    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("title")) == 1 + len(outline.all("svg"))
    assert all(each["alt"] for each in outline.all("img"))
    assert all(each["role"] == "img" for each in outline.all("svg"))
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert {each["scope"] for each in outline.all("th")} == {"col", "row"}


def test_the_graph_has_a_box_for_each_layer_and_a_way_for_each_input() -> None:
    drawn = str(graphs.drawn(LAYERS))

    assert drawn.count("<rect") == 1 + len(LAYERS)
    # Of the input, of the first layer and twice to the last one, once around what is between.
    assert drawn.count("<path") == 4
    assert drawn.count(f"h{graphs.BEND / 2}V") == 1


def test_the_summary_is_a_table_of_plain_text() -> None:
    lines = summaries.render(found("cat").model).splitlines()

    assert lines[0].split() == ["Layer", "Kind", "Output", "Parameters", "After"]
    assert lines[3].endswith("  0, 1.norm")
    assert lines[5:] == ["Parameters: 864", lines[-1]]
    assert lines[-1].endswith(": 7,077,888")


def test_samples_that_were_left_out_are_counted_and_the_first_named() -> None:
    named = [f"cats/{number}.png is empty" for number in range(20)]
    some = with_corrupt(23, named)

    text = page.render(some).replace("&#x27;", "'")

    assert "can't be read and were left out: 23, of which the first 20" in text
    assert all(each in text for each in named)
    assert browsing.Outline(text).open == []
    assert "left out" not in page.render(found("cat", "dog"))


def with_corrupt(count: int, named: list[str]) -> findings.Findings:
    """Return the findings of a run on a set of which so many samples can't be read."""
    whole = found("cat", "dog")
    return dataclasses.replace(
        whole, data=dataclasses.replace(whole.data, corrupt=count, named=named)
    )


def test_no_name_becomes_markup() -> None:
    for findings_ in (found(HOSTILE, "dog"), with_corrupt(1, [f"{HOSTILE} is empty"])):
        outline = browsing.Outline(page.render(findings_))

        assert not outline.all("script")
        assert not any("onerror" in each for _, each in outline.elements)


def test_no_secret_of_a_uri_is_told() -> None:
    text = page.render(found("cat", "dog"))

    assert "secret" not in text
    assert "s3://store/set" in text


def test_a_thousand_classes_and_large_clips_stay_below_a_megabyte() -> None:
    names = [f"class {number} " + "long " * 100 for number in range(1000)]

    text = page.render(found(*names, shape=(16, 3, 224, 224)))

    assert len(text.encode()) < MOST_BYTES
    assert "The commonest mistakes" in text


def test_what_was_not_asked_for_is_no_section() -> None:
    whole = found("cat", "dog")
    bare = findings.Findings(
        title="digits",
        spec=whole.spec,
        info={},
        steps=0,
        samples=0,
        seconds=0.0,
        metrics={},
        model=whole.model,
        data=whole.data,
    )

    text = page.render(bare)

    assert [name for name in ("Samples</h2>", "Exports", "Performance test") if name in text] == []
    assert browsing.Outline(text).open == []


def test_a_line_of_one_value_or_of_none_is_drawn_all_the_same() -> None:
    assert "<circle" in charts.lines("Loss", [charts.Line("loss", [(3, 0.5)])], across="step")
    nan = [(1.0, float("nan"))]
    assert "nothing was measured" in charts.lines("Loss", [charts.Line("x", nan)], across="step")


def test_a_picture_is_a_png_of_the_sample() -> None:
    uri = pictures.shown(np.zeros((1, 8, 8), dtype=np.float32))

    assert uri.startswith("data:image/png;base64,iVBORw0KGgo")


def test_what_the_model_attends_to_is_as_bright_as_the_sample_and_the_rest_is_dark() -> None:
    sample = np.ones((1, 8, 8), dtype=np.float32)
    evenly, apart = np.full((2, 2), 0.25), np.array([[0.7, 0.0], [0.2, 0.1]])

    assert pictures.lit(sample, evenly) == pictures.shown(sample)
    light = np.kron(apart / 0.7, np.ones((4, 4))) * (1 - pictures.DARKEST) + pictures.DARKEST
    assert pictures.lit(sample, apart) == pictures.shown(light[None].astype(np.float32))


def test_a_long_run_is_halved_to_what_a_chart_can_show(job: context.Context) -> None:
    told: list[tuple[str, int, float]] = []
    curves = history.History(written=lambda *point: told.append(point))
    with Run(known=job) as run:
        for step in run.steps(range(20_000), samples=1):
            curves.stepping(run)
            run.log(loss=float(step), learning_rate=0.1)
        curves.evaluated(run, {"accuracy": 0.5})

    points = curves.series["loss"]
    assert len(points) <= history.MOST_POINTS
    assert points[-1] == (20_000, 19_999.0)
    assert curves.series["held-out accuracy"] == [(20_000, 0.5)]
    assert {name for name, _, _ in told} == set(curves.series)


def test_the_surest_mistakes_and_some_of_each_class_are_shown() -> None:
    labels = np.arange(40) % 4
    said = labels.copy()
    said[[5, 9]] = 0
    sure = np.linspace(0.5, 1.0, 40)

    numbers = visual.chosen(labels, said, sure)

    assert numbers[:2].tolist() == [9, 5]
    assert len(numbers) == visual.SHOWN
    assert np.bincount(labels[numbers[2:]]).min() >= 2


def test_a_model_that_is_mostly_wrong_shows_no_fewer() -> None:
    labels = np.zeros(20, dtype=np.int64)
    said = np.ones(20, dtype=np.int64)
    said[7] = 0

    numbers = visual.chosen(labels, said, np.full(20, 0.5))

    assert (len(set(numbers.tolist())), 7 in numbers) == (visual.SHOWN, True)


@pytest.mark.skipif(browsing.BROWSER is None, reason=browsing.MISSING)
def test_a_browser_opens_the_page_as_it_is_meant(tmp_path: pathlib.Path) -> None:
    opened = browsing.opened(page.render(found(HOSTILE, "dog")), tmp_path)

    assert opened.title == "digits: training report"
    assert not opened.outline.all("script")
    assert len(opened.answer["drawings"]) == 3
    assert len(opened.answer["images"]) == 24 + 6
    assert min(opened.answer["drawings"] + opened.answer["images"]) > 0
    assert (opened.answer["fetched"], opened.answer["refused"]) == ([], [])
    assert opened.answer["overflow"] <= 0
    assert "script" in opened.answer["words"]
