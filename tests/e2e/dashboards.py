"""Runs every query and variable of a dashboard against a Prometheus, as Grafana would."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hack.dashboards import prometheus, queries

WINDOW_SECONDS = 900.0
RATE_INTERVAL = "30s"
POINTS = 600


@dataclass(frozen=True, slots=True)
class Problem:
    """A query or variable that failed or has no data."""

    where: str
    expression: str
    message: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.where}: {self.message}: {self.expression}"


def check(
    dashboard_path: pathlib.Path,
    prometheus_url: str,
    variables: Mapping[str, str],
    *,
    window: float = WINDOW_SECONDS,
    rate_interval: str = RATE_INTERVAL,
    end: float | None = None,
) -> list[Problem]:
    """Return what is wrong; nothing when each query and variable has data.

    `variables`: the values of namespace and trainingjob. Looked at are the `window` seconds
    before `end`, now by default, so a job that has finished meanwhile still has its data.
    """
    board = queries.load(dashboard_path)
    until = time.time() if end is None else end
    over = prometheus.Range(until - window, until, max(1.0, window / POINTS))
    values = queries.with_intervals(variables, rate_interval)
    with prometheus.connect(prometheus_url) as client:
        server = prometheus.Prometheus(client)
        return [*_variables(board, server, values, over), *_panels(board, server, values, over)]


def _variables(
    board: queries.Board,
    server: prometheus.Prometheus,
    values: Mapping[str, str],
    over: prometheus.Range,
) -> Iterator[Problem]:
    for each in board.variables:
        where = f"variable {each.name}"
        try:
            selector = queries.fill(each.selector, values)
            found = server.label_values(each.label, selector, over)
        except (queries.UnknownVariable, prometheus.QueryFailed) as error:
            yield Problem(where, each.selector, str(error))
            continue
        if values.get(each.name) not in found:
            yield Problem(where, selector, f"{values.get(each.name)} is not among {found}")


def _panels(
    board: queries.Board,
    server: prometheus.Prometheus,
    values: Mapping[str, str],
    over: prometheus.Range,
) -> Iterator[Problem]:
    for panel in board.panels:
        for query in panel.queries:
            where = f"panel {panel.title} ({query.ref})"
            try:
                expression = queries.fill(query.expression, values)
                found = server.query(expression, over)
            except (queries.UnknownVariable, prometheus.QueryFailed) as error:
                yield Problem(where, query.expression, str(error))
                continue
            if not found:
                yield Problem(where, expression, "no data")
