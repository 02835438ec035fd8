"""SVG elements as text, and the colours of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax import saxutils

FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif"
PAGE, CARD, EDGE, GRID = "#f4f5f8", "#ffffff", "#e1e4ea", "#eceef2"
INK, SOFT = "#1f2733", "#6b7483"
COLOURS = {
    "blue": "#2f6fde",
    "green": "#2a9d5c",
    "yellow": "#d9a514",
    "purple": "#8656c9",
    "red": "#d64545",
    "text": "#3c4654",
}
PALETTE = ("#2f6fde", "#e07b26", "#2a9d5c", "#8656c9", "#d64545", "#1aa5b8")


def element(name: str, inner: str = "", /, **attributes: object) -> str:
    """Return an element; `_` in a name stands for `-`."""
    pairs = "".join(
        f" {key.replace('_', '-')}={saxutils.quoteattr(_number(value))}"
        for key, value in attributes.items()
    )
    return f"<{name}{pairs}>{inner}</{name}>" if inner else f"<{name}{pairs}/>"


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float = 12,
    colour: str = INK,
    anchor: str = "start",
    weight: int = 400,
) -> str:
    """Return a line of text whose baseline is at y."""
    return element(
        "text",
        saxutils.escape(content),
        x=x,
        y=y,
        font_size=size,
        fill=colour,
        text_anchor=anchor,
        font_weight=weight,
    )


def box(
    x: float, y: float, width: float, height: float, *, fill: str, edge: str = "none", r: float = 0
) -> str:
    """Return a rectangle."""
    return element("rect", x=x, y=y, width=width, height=height, fill=fill, stroke=edge, rx=r)


def rule(x1: float, y1: float, x2: float, y2: float, *, colour: str = GRID) -> str:
    """Return a thin line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour)


def curve(points: Sequence[tuple[float, float]], *, colour: str) -> str:
    """Return a line through points; a single one is a dot."""
    if len(points) == 1:
        return element("circle", cx=points[0][0], cy=points[0][1], r=2, fill=colour)
    path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return element(
        "polyline",
        points=path,
        fill="none",
        stroke=colour,
        stroke_width=1.8,
        stroke_linejoin="round",
    )


def document(width: float, height: float, title: str, inner: str) -> str:
    """Return the whole document."""
    head = element("title", saxutils.escape(title)) + box(0, 0, width, height, fill=PAGE)
    return (
        element(
            "svg",
            f"\n{head}\n{inner}\n",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {_number(width)} {_number(height)}",
            width=width,
            height=height,
            font_family=FONT,
            role="img",
        )
        + "\n"
    )


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
