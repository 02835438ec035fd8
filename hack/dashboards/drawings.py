"""One drawing for each type of panel, inside the place that it is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hack.dashboards import prometheus, queries, svg, units

_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Named:
    """A series and its name in the legend."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Data:
    """What a panel shows, and over which time."""

    panel: queries.Panel
    series: Sequence[Named]
    start: float
    end: float
    step: float

    def text(self, value: float) -> str:
        """Return a value as the panel writes it."""
        return units.text(value, self.panel.unit, self.panel.defaults.get("decimals"))


def legend(template: str, series: prometheus.Series) -> str:
    """Return the name of a series; labels that it does not have are left out."""
    found = _LABEL.sub(lambda match: series.labels.get(match[1], ""), template)
    return re.sub(r"\s+", " ", found).strip()


def draw(data: Data, place: Place) -> str:
    """Return a panel's drawing."""
    if not data.series:
        middle = place.x + place.width / 2, place.y + place.height / 2 + 6
        return svg.text(*middle, "no data", size=14, colour=svg.SOFT, anchor="middle")
    return _DRAWINGS[data.panel.type](data, place)


def _stat(data: Data, place: Place) -> str:
    by_name = data.panel.options.get("textMode") == "name"
    colour = _colour(data.panel)
    lines = [each.name for each in data.series] if by_name else []
    if not by_name:
        value = data.series[0].points[-1][1]
        mapped = _mapped(data.panel, value)
        content, colour = mapped if mapped is not None else (data.text(value), colour)
        lines = [content]
    size = 17.0 if by_name else 30.0
    top = place.y + place.height / 2 - (len(lines) - 1) * size * 0.75 + size * 0.35
    return "".join(
        svg.text(
            place.x + place.width / 2,
            top + index * size * 1.5,
            line,
            size=size,
            colour=colour,
            anchor="middle",
            weight=600,
        )
        for index, line in enumerate(lines[:4])
    )


def _lines(data: Data, place: Place) -> str:
    values = [value for each in data.series for _, value in each.points]
    marks = units.ticks(
        min([*values, *_bound(data.panel, "min")]), max([*values, *_bound(data.panel, "max")])
    )
    if len(marks) == 1:
        marks = [marks[0], marks[0] + 1]
    area = Place(place.x + 58, place.y + 6, place.width - 74, place.height - 58)

    def x(moment: float) -> float:
        return area.x + area.width * (moment - data.start) / (data.end - data.start)

    def y(value: float) -> float:
        return area.y + area.height * (1 - (value - marks[0]) / (marks[-1] - marks[0]))

    parts = [*_axes(data, area, marks, y), *_time_marks(data, area, x)]
    for index, each in enumerate(data.series):
        colour = svg.PALETTE[index % len(svg.PALETTE)]
        parts.extend(
            svg.curve([(x(moment), y(value)) for moment, value in run], colour=colour)
            for run in _runs(each.points, data.step)
        )
    return "".join(parts) + _legend(data, area.x, place.y + place.height - 8)


def _axes(
    data: Data, area: Place, marks: Sequence[float], y: Callable[[float], float]
) -> list[str]:
    parts = []
    for mark in marks:
        parts.append(svg.rule(area.x, y(mark), area.x + area.width, y(mark)))
        label = units.mark(mark, data.panel.unit)
        parts.append(
            svg.text(area.x - 8, y(mark) + 4, label, size=11, colour=svg.SOFT, anchor="end")
        )
    return parts


def _time_marks(data: Data, area: Place, x: Callable[[float], float]) -> list[str]:
    step = units.time_step(data.end - data.start, count=max(2, int(area.width / 90)))
    first = -(-data.start // step) * step
    count = int((data.end - first) / step) + 1
    below = area.y + area.height + 16
    return [
        svg.text(x(at), below, units.clock(at), size=11, colour=svg.SOFT, anchor="middle")
        for at in (first + number * step for number in range(count))
        if area.x + 20 <= x(at) <= area.x + area.width - 14
    ]


def _runs(
    points: Sequence[tuple[float, float]], step: float
) -> Sequence[Sequence[tuple[float, float]]]:
    """Return the points in runs without a gap."""
    runs: list[list[tuple[float, float]]] = []
    for point in points:
        if not runs or point[0] - runs[-1][-1][0] > 2.5 * step:
            runs.append([])
        runs[-1].append(point)
    return runs


def _legend(data: Data, x: float, y: float) -> str:
    parts = []
    for index, each in enumerate(data.series):
        colour = svg.PALETTE[index % len(svg.PALETTE)]
        parts.append(svg.box(x, y - 7, 14, 4, fill=colour, r=2))
        parts.append(svg.text(x + 20, y, each.name, size=12, colour=svg.SOFT))
        x += 44 + 6.4 * len(each.name)
    return "".join(parts)


def _bars(data: Data, place: Place) -> str:
    values = [(each.name, each.points[-1][1]) for each in data.series]
    most = max([value for _, value in values] + [1e-9])
    pitch = min(44.0, place.height / len(values))
    wide = place.width - 190
    parts = []
    for index, (name, value) in enumerate(values):
        top = place.y + index * pitch + (place.height - pitch * len(values)) / 2
        middle = top + pitch / 2 + 4
        bar = place.x + 104, top + pitch * 0.18, max(2.0, wide * value / most), pitch * 0.64
        parts.append(svg.text(place.x + 94, middle, name, colour=svg.SOFT, anchor="end"))
        parts.append(svg.box(*bar, fill=_colour(data.panel), r=3))
        parts.append(svg.text(bar[0] + bar[2] + 8, middle, data.text(value), weight=600))
    return "".join(parts)


def _states(data: Data, place: Place) -> str:
    area = Place(place.x + 16, place.y + 14, place.width - 32, place.height - 44)

    def x(moment: float) -> float:
        return area.x + area.width * (moment - data.start) / (data.end - data.start)

    parts = _time_marks(data, area, x)
    for value, start, end in _spans(data.series[0].points, data.step):
        left, width = x(start), max(1.5, x(min(end, data.end)) - x(start))
        content, colour = _mapped(data.panel, value) or (f"{value:g}", svg.SOFT)
        parts.append(svg.box(left, area.y, width, area.height, fill=colour, r=3))
        if width > 8 * len(content) + 10:
            middle = area.y + area.height / 2 + 5
            parts.append(svg.text(left + 10, middle, content, size=13, colour=svg.CARD, weight=600))
    return "".join(parts)


def _spans(points: Sequence[tuple[float, float]], step: float) -> list[tuple[float, float, float]]:
    spans: list[tuple[float, float, float]] = []
    for moment, value in points:
        if spans and spans[-1][0] == value:
            spans[-1] = (value, spans[-1][1], moment + step)
        else:
            spans.append((value, moment, moment + step))
    return spans


def _mapped(panel: queries.Panel, value: float) -> tuple[str, str] | None:
    for mapping in panel.defaults.get("mappings") or ():
        found = mapping["options"].get(f"{value:g}")
        if found is not None:
            return found["text"], svg.COLOURS[found["color"]]
    return None


def _colour(panel: queries.Panel) -> str:
    return svg.COLOURS.get(panel.defaults.get("color", {}).get("fixedColor", ""), svg.INK)


def _bound(panel: queries.Panel, name: str) -> list[float]:
    value = panel.defaults.get(name)
    return [] if value is None else [float(value)]


_DRAWINGS: Mapping[str, Callable[[Data, Place], str]] = {
    "stat": _stat,
    "timeseries": _lines,
    "bargauge": _bars,
    "state-timeline": _states,
}
