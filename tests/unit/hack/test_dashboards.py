"""The committed dashboard: up to date, sound, and asking only for what is exported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from hack.dashboards import __main__ as command
from hack.dashboards import queries, recording, trainingjob
from trainshed.metrics import kinds, names

DOCUMENT: dict[str, Any] = json.loads(trainingjob.render())
BOARD = queries.read(DOCUMENT)
VALUES = queries.with_intervals({"namespace": "team-a", "trainingjob": "digits"}, "30s")
EXPRESSIONS = {
    f"{panel.title} {query.ref}": query for panel in BOARD.panels for query in panel.queries
}


def test_committed_files_are_what_the_generator_writes() -> None:
    assert command.stale() == []


def test_generator_writes_the_same_each_time() -> None:
    assert trainingjob.render() == trainingjob.render()


@pytest.mark.parametrize("panel", BOARD.panels, ids=lambda each: each.title)
def test_panel_has_a_unit_a_description_and_queries(panel: queries.Panel) -> None:
    assert panel.unit
    assert panel.description.endswith(".")
    assert panel.queries


def test_numbers_of_panels_are_unique_and_from_one() -> None:
    numbers = [each["id"] for each in queries.flat(DOCUMENT)]

    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_titles_of_panels_are_unique() -> None:
    titles = [each.title for each in BOARD.panels]

    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("panel", BOARD.panels, ids=lambda each: each.title)
def test_queries_of_a_panel_are_told_apart(panel: queries.Panel) -> None:
    refs = [each.ref for each in panel.queries]

    assert all(refs)
    assert len(set(refs)) == len(refs)
    assert all(each.legend for each in panel.queries)


def test_panels_do_not_overlap_and_fill_their_rows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD.panels:
        x, y, width, height = panel.place
        cells = {(x + dx, y + dy) for dx in range(width) for dy in range(height)}
        assert not cells & taken, panel.title
        assert x + width <= 24
        taken |= cells
    for y in {panel.place[1] for panel in BOARD.panels}:
        assert sum(each.place[2] for each in BOARD.panels if each.place[1] == y) == 24


def test_every_data_source_is_the_variable() -> None:
    found = list(_sources(DOCUMENT))

    assert found
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in found)


def test_variables_are_the_source_the_namespace_and_the_job() -> None:
    found = [each["name"] for each in DOCUMENT["templating"]["list"]]

    assert found == ["datasource", "namespace", "trainingjob"]


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_expression_asks_for_series_that_exist_with_labels_that_they_have(case: str) -> None:
    query = EXPRESSIONS[case]
    asked = promql_parser.parse(queries.fill(query.expression, VALUES))

    selectors = list(_selectors(asked))
    assert selectors
    for selector in selectors:
        _assert_known(selector)
    known = {label for each in selectors for label in _labels(str(each.name))}
    for label in _grouped(asked):
        assert label in known
    for label in re.findall(r"\{\{\s*(\w+)", query.legend):
        assert label in known


@pytest.mark.parametrize("variable", BOARD.variables, ids=lambda each: each.name)
def test_variable_asks_for_a_label_that_its_series_have(variable: queries.Variable) -> None:
    selector = promql_parser.parse(queries.fill(variable.selector, VALUES))

    assert isinstance(selector, promql_parser.VectorSelector)
    _assert_known(selector)
    assert variable.label in _labels(str(selector.name))


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_rates_are_over_the_interval_that_grafana_chooses(case: str) -> None:
    ranges = re.findall(r"\[([^\]]+)\]", EXPRESSIONS[case].expression)

    assert set(ranges) <= {"$__rate_interval"}


def test_counters_are_never_shown_without_a_rate() -> None:
    for query in EXPRESSIONS.values():
        for name in re.findall(r"\b(\w+_total|\w+_bucket)\{", query.expression):
            assert f"rate({name}" in query.expression


def test_unknown_variable_is_named() -> None:
    with pytest.raises(queries.UnknownVariable, match=r"\$who"):
        queries.fill("up{a='$who'}", VALUES)


def _assert_known(selector: promql_parser.VectorSelector) -> None:
    assert selector.name in names.SERIES or selector.name in recording.SERIES
    allowed = _labels(str(selector.name))
    for matcher in selector.matchers.matchers:
        assert matcher.name in allowed, f"{selector.name} has no label {matcher.name}"


def _labels(name: str) -> set[str]:
    if name in recording.SERIES:
        return {*recording.SERIES[name].labels}
    metric = names.SERIES[name]
    own = {*metric.labels, *({"le"} if name.endswith("_bucket") else ())}
    return own | ({*kinds.TARGET} if metric.origin is kinds.Origin.TRAINER else set())


def _selectors(expression: Any) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(expression, visit)
    yield from found


def _grouped(expression: Any) -> Iterator[str]:
    found: list[str] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.extend(node.modifier.labels)

    promql_parser.walk(expression, visit)
    yield from found


def _sources(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        if "datasource" in node:
            yield node["datasource"]
        for each in node.values():
            yield from _sources(each)
    elif isinstance(node, list):
        for each in node:
            yield from _sources(each)
