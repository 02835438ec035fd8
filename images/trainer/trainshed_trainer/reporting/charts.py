"""Line charts as inline SVG, with a table of the same values for those who can't see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed_trainer.reporting import markup

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 36
TABLE_ROWS = 12
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A named line of points (x, y)."""

    name: str
    points: Sequence[Point]


def lines(title: str, drawn: Sequence[Line], *, across: str) -> markup.Markup:
    """Return a figure of lines over one axis, named `across`."""
    kept = [Line(each.name, sound) for each in drawn if (sound := _finite(each.points))]
    every = [point for each in kept for point in each.points]
    if not every:
        return markup.tag("p", f"{title}: nothing was measured.")
    xs, ys = _ticks([x for x, _ in every]), _ticks([y for _, y in every])
    shapes = [*_axes(xs, ys, across)]
    for number, each in enumerate(kept):
        at = " ".join(f"{_x(x, xs):.1f},{_y(y, ys):.1f}" for x, y in each.points)
        shapes.append(markup.tag("polyline", points=at, class_=f"line s{number % 4}"))
        if len(each.points) == 1:
            x, y = each.points[0]
            shapes.append(
                markup.tag("circle", cx=_x(x, xs), cy=_y(y, ys), r=3, class_=f"dot s{number % 4}")
            )
    picture = markup.tag(
        "svg",
        markup.tag("title", f"{title}: {_summary(kept)}"),
        *shapes,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
    )
    legend = [
        markup.tag("span", each.name, class_=f"key s{number % 4}")
        for number, each in enumerate(kept)
    ]
    return markup.tag(
        "figure", markup.tag("figcaption", title, " ", *legend), picture, _details(kept, across)
    )


def _finite(points: Sequence[Point]) -> list[Point]:
    return [each for each in points if all(math.isfinite(value) for value in each)]


def _summary(drawn: Sequence[Line]) -> str:
    return "; ".join(
        f"{each.name} from {markup.number(each.points[0][1])} to"
        f" {markup.number(each.points[-1][1])}"
        for each in drawn
    )


def _details(drawn: Sequence[Line], across: str) -> markup.Markup:
    tables = []
    for each in drawn:
        step = math.ceil(len(each.points) / TABLE_ROWS)
        rows = [(markup.number(x), markup.number(y)) for x, y in each.points[::step]]
        tables.append(markup.table(each.name, (across, each.name), rows))
    return markup.tag("details", markup.tag("summary", "Values"), *tables)


def _axes(xs: Sequence[float], ys: Sequence[float], across: str) -> list[markup.Markup]:
    bottom = HEIGHT - BOTTOM
    found = []
    for y in ys:
        at = _y(y, ys)
        found.append(markup.tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
        found.append(markup.tag("text", f"{y:.4g}", x=LEFT - 6, y=at + 4, class_="end"))
    found += [
        markup.tag("text", f"{x:,.6g}", x=_x(x, xs), y=bottom + 16, class_="middle") for x in xs
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*found, markup.tag("text", across, x=middle, y=HEIGHT - 4, class_="middle")]


def _ticks(values: Sequence[float]) -> list[float]:
    """Return four to six round numbers that enclose all values."""
    low, high = min(values), max(values)
    if high - low < 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [each * step for each in range(first, last + 1)]


def _x(value: float, ticks: Sequence[float]) -> float:
    return LEFT + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - LEFT - RIGHT)


def _y(value: float, ticks: Sequence[float]) -> float:
    share = (value - ticks[0]) / (ticks[-1] - ticks[0])
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
