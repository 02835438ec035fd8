"""How values, axes and gaps are drawn."""

from __future__ import annotations

from typing import Any

import pytest

from hack.dashboards import drawings, prometheus, queries, svg, units


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0.934, "percentunit", None, "93.4 %"),
        (0.5, "percentunit", 0, "50 %"),
        (0.0152, "s", None, "15.2 ms"),
        (2.5, "s", None, "2.5 s"),
        (90.0, "s", None, "1.5 min"),
        (0.0, "s", None, "0 s"),
        (4100.2, "short", None, "4.1 k"),
        (4100.2, "short", 0, "4,100"),
        (0.31, "short", None, "0.31"),
        (3.0, "none", None, "3"),
        (312.5, "watt", None, "312 W"),
        (60 * 2**30, "bytes", None, "60 GiB"),
    ],
)
def test_value_is_written_in_its_unit(
    value: float, unit: str, decimals: int | None, text: str
) -> None:
    assert units.text(value, unit, decimals) == text


@pytest.mark.parametrize(
    ("least", "most", "marks"),
    [
        (0, 4100, [0, 2000, 4000, 6000]),
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0.9951, 0.9995, [0.994, 0.996, 0.998, 1.0]),
        (3, 3, [3]),
    ],
)
def test_marks_of_an_axis_are_round_and_span_the_values(
    least: float, most: float, marks: list[float]
) -> None:
    found = units.ticks(least, most)

    assert found == pytest.approx(marks)
    assert found[0] <= least
    assert found[-1] >= most


def test_name_of_a_series_leaves_out_labels_that_it_has_not() -> None:
    series = prometheus.Series({"framework": "pytorch", "accelerator": "cpu"}, [(0, 1)])

    named = drawings.legend("{{framework}} {{ model }} on {{accelerator}}", series)

    assert named == "pytorch on cpu"


def test_line_is_broken_where_there_is_no_data() -> None:
    points = [(0.0, 1.0), (1.0, 2.0), (5.0, 3.0), (6.0, 4.0)]

    drawn = drawings.draw(_data("timeseries", points), drawings.Place(0, 0, 400, 200))

    assert drawn.count("<polyline") == 2


def test_states_have_the_name_and_colour_of_their_value() -> None:
    mappings = [{"options": {"1": {"text": "Running", "color": "blue"}}}]
    points = [(float(each), 1.0) for each in range(10)]

    drawn = drawings.draw(
        _data("state-timeline", points, mappings=mappings), drawings.Place(0, 0, 400, 120)
    )

    assert "Running" in drawn
    assert svg.COLOURS["blue"] in drawn
    assert drawn.count("<rect") == 1


def test_panel_without_a_series_says_so() -> None:
    data = drawings.Data(_panel("stat"), [], 0, 10, 1)

    assert "no data" in drawings.draw(data, drawings.Place(0, 0, 100, 100))


def test_text_of_a_job_can_not_break_the_picture() -> None:
    hostile = drawings.Named("</text><script>", [(0.0, 1.0)])
    data = drawings.Data(_panel("bargauge"), [hostile], 0, 10, 1)

    drawn = drawings.draw(data, drawings.Place(0, 0, 400, 100))

    assert "<script>" not in drawn


def _data(type_: str, points: list[tuple[float, float]], **defaults: Any) -> drawings.Data:
    named = [drawings.Named("a", points)]
    return drawings.Data(_panel(type_, **defaults), named, 0, 10, 1)


def _panel(type_: str, **defaults: Any) -> queries.Panel:
    return queries.Panel(1, type_, "t", "d.", (0, 0, 8, 8), [], {"unit": "short", **defaults}, {})
