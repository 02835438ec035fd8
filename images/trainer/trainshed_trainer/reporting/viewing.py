"""The part of the page that shows what the model makes of held-out samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainshed_trainer.data import statistics
from trainshed_trainer.evaluation import visual
from trainshed_trainer.reporting import findings, markup, pictures

MOST_CLASSES = 20
"""Of a whole matrix; of more classes, the commonest mistakes are listed."""
MOST_MISTAKES = 20
MOST_NAME = 24


def sections(found: findings.Findings) -> list[markup.Markup]:
    """Return the sections, where there is something to look at."""
    if found.seen is None:
        return []
    classes = [_short(name) for name in found.data.classes]
    samples = [_sample(each, classes, found.data.statistics) for each in found.seen.samples]
    words = "Above, the sample; below it, what speaks for the answer (red) and against it (blue)"
    attends = any(each.attention is not None for each in found.seen.samples)
    words += ", then what the model attends to (bright)." if attends else "."
    shown = (markup.tag("p", words), markup.tag("div", *samples, class_="samples"))
    return [
        markup.section("Confusion", _confusion(found.seen, classes)),
        markup.section("Samples", *shown),
    ]


def _short(name: str) -> str:
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"


def _confusion(seen: visual.Seen, classes: Sequence[str]) -> markup.Markup:
    if len(classes) > MOST_CLASSES:
        return _mistakes(seen, classes)
    rows = []
    for name, row in zip(classes, seen.confusion, strict=True):
        most = max(int(row.sum()), 1)
        rows.append((name, *(_cell(int(count), most) for count in row)))
    heads = ("is \\ said", *classes)
    return markup.table("Held-out samples by class and answer", heads, rows, kind="matrix")


def _cell(count: int, most: int) -> markup.Markup:
    share = count / most
    return markup.tag("span", str(count), style=f"background:rgba(var(--cell),{share * 0.6:.2f})")


def _mistakes(seen: visual.Seen, classes: Sequence[str]) -> markup.Markup:
    wrong = seen.confusion - np.diag(np.diag(seen.confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MISTAKES]
    pairs = [divmod(int(each), len(classes)) for each in order]
    rows = [
        (classes[label], classes[said], str(wrong[label, said]))
        for label, said in pairs
        if wrong[label, said]
    ]
    return markup.table("The commonest mistakes", ("Is", "Said", "Samples"), rows)


def _sample(
    each: visual.Sample, classes: Sequence[str], found: statistics.Statistics | None
) -> markup.Markup:
    pixels = each.inputs if found is None else each.inputs * found.deviation + found.mean
    label, said = classes[each.label], classes[each.said]
    right = each.label == each.said
    words = f"{said}, {each.probability:.0%}" + ("" if right else f"; it is {label}")
    name = f"held-out sample {each.number}"
    shown = [
        (pictures.shown(pixels), f"{name}, of class {label}"),
        (pictures.heat(each.saliency), f"Saliency of {name} for {said}"),
    ]
    if each.attention is not None:
        shown.append((pictures.lit(pixels, each.attention), f"Attention to {name}"))
    return markup.tag(
        "figure",
        *(markup.tag("img", src=src, alt=alt) for src, alt in shown),
        markup.tag("figcaption", words, class_="right" if right else "wrong"),
    )
