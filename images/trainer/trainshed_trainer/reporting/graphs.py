"""The model's graph as inline SVG: a box for each layer, and what flows between them."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed_trainer.evaluation import lenses
from trainshed_trainer.reporting import markup

LEFT, WIDTH, BOX, ROW = 8, 420, 26, 42
BEND = 28
"""How far a line that passes layers by goes around them."""
INPUT = lenses.Layer("input", "", (), 0)


def drawn(layers: Sequence[lenses.Layer]) -> markup.Markup:
    """Return a figure of the layers, from the model's input down."""
    boxes = [INPUT, *layers]
    rows = {each.name: row for row, each in enumerate(boxes)}
    shapes = [markup.tag("title", f"The model's {len(layers)} layers, from its input down")]
    for row, each in enumerate(boxes):
        sources = [rows[name] for name in each.after if name in rows] or [0]
        if row:
            shapes += [_line(source, row) for source in sources]
        shapes += _box(row, each)
    height = len(boxes) * ROW
    picture = markup.tag(
        "svg", *shapes, viewBox=f"0 0 {WIDTH + 2 * BEND} {height}", role="img", class_="graph"
    )
    return markup.tag("figure", markup.tag("figcaption", "Graph"), picture)


def _box(row: int, layer: lenses.Layer) -> list[markup.Markup]:
    top = row * ROW
    size = " × ".join(map(str, layer.shape))
    words = " ".join(each for each in (layer.kind, layer.name) if each)
    middle = top + BOX * 0.66
    return [
        markup.tag("rect", x=LEFT, y=top + 1, width=WIDTH, height=BOX, rx=4, class_="box"),
        markup.tag("text", words, x=LEFT + 10, y=middle),
        markup.tag("text", size, x=LEFT + WIDTH - 10, y=middle, class_="end"),
    ]


def _line(source: int, row: int) -> markup.Markup:
    """Return the way from a layer to a later one: straight down, or around those between."""
    begin, end = source * ROW + BOX + 1, row * ROW
    if row == source + 1:
        middle = LEFT + WIDTH / 2
        way = f"M{middle} {begin}V{end}m-4 -5l4 5l4 -5"
    else:
        right = LEFT + WIDTH
        half = BOX // 2
        way = f"M{right} {begin - half}h{BEND / 2}V{end + half}h-{BEND / 2}m5 -4l-5 4l5 4"
    return markup.tag("path", d=way, class_="flow")
