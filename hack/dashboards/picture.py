"""Draws a dashboard with a Prometheus' data as one SVG, for the documentation."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

from hack.dashboards import drawings, prometheus, queries, svg

COLUMN, ROW, GAP = 60.0, 34.0, 5.0
MARGIN, HEAD = 16.0, 58.0
TITLE = 30.0
POINTS = 400
RATE_INTERVAL = "5s"
"""Five scrapes of the local cluster's Prometheus: a longer one would smooth a short run away."""


def draw(
    dashboard: pathlib.Path,
    url: str,
    variables: Mapping[str, str],
    *,
    start: float,
    end: float,
) -> str:
    """Return the picture of a time range; what lies before the first data is cut off."""
    board = queries.load(dashboard)
    over = prometheus.Range(start, end, max(1.0, (end - start) / POINTS))
    values = queries.with_intervals(variables, RATE_INTERVAL)
    with prometheus.connect(url) as client:
        server = prometheus.Prometheus(client)
        found = {each.id: _series(each, server, values, over) for each in board.panels}
    moments = [each.points[0][0] for series in found.values() for each in series]
    begin = max(start, min(moments, default=start))
    data = [drawings.Data(each, found[each.id], begin, end, over.step) for each in board.panels]
    heading = f"{board.title} {variables['namespace']}/{variables['trainingjob']}"
    return _page(heading, board.sections, data)


def _series(
    panel: queries.Panel,
    server: prometheus.Prometheus,
    values: Mapping[str, str],
    over: prometheus.Range,
) -> list[drawings.Named]:
    return [
        drawings.Named(drawings.legend(query.legend, each), each.points)
        for query in panel.queries
        for each in server.query(queries.fill(query.expression, values), over)
    ]


def _page(heading: str, sections: Sequence[tuple[str, int]], data: Sequence[drawings.Data]) -> str:
    bottom = max(each.panel.place[1] + each.panel.place[3] for each in data)
    width, height = 2 * MARGIN + 24 * COLUMN, HEAD + bottom * ROW + MARGIN
    cards = "\n".join(_card(each) for each in data)
    titles = "\n".join(
        svg.text(MARGIN + GAP, HEAD + y * ROW + 24, title, size=14, colour=svg.SOFT, weight=600)
        for title, y in sections
    )
    head = svg.text(MARGIN + GAP, 40, heading, size=22, weight=600)
    return svg.document(width, height, heading, f"{head}\n{titles}\n{cards}")


def _card(data: drawings.Data) -> str:
    x, y, width, height = data.panel.place
    outer = drawings.Place(
        MARGIN + x * COLUMN + GAP,
        HEAD + y * ROW + GAP,
        width * COLUMN - 2 * GAP,
        height * ROW - 2 * GAP,
    )
    inner = drawings.Place(outer.x + 8, outer.y + TITLE, outer.width - 16, outer.height - TITLE - 8)
    return (
        svg.box(outer.x, outer.y, outer.width, outer.height, fill=svg.CARD, edge=svg.EDGE, r=6)
        + svg.text(outer.x + 14, outer.y + 22, data.panel.title, size=13, weight=600)
        + drawings.draw(data, inner)
    )
