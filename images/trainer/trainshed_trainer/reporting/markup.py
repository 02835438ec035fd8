"""HTML and SVG elements. Every text is escaped: classes are whatever somebody called a folder."""

from __future__ import annotations

import html
from collections.abc import Iterable

VOID = frozenset({"img", "meta"})


class Markup(str):
    """Text that is markup already; only this module makes it."""

    __slots__ = ()


def tag(name: str, /, *inside: str | Markup, **attributes: str | float) -> Markup:
    """Return an element; `class_` is class, and any other underscore a hyphen."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_text(value))}"'
        for key, value in attributes.items()
    )
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(inside)}</{name}>")


def joined(parts: Iterable[str | Markup]) -> Markup:
    """Return the parts one after another; what is no markup is escaped."""
    return Markup(
        "".join(each if isinstance(each, Markup) else html.escape(each) for each in parts)
    )


def table(
    caption: str, heads: Iterable[str], rows: Iterable[Iterable[str | Markup]], *, kind: str = ""
) -> Markup:
    """Return a table whose first column names the rows."""
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = []
    for first, *others in rows:
        cells = (tag("td", each) for each in others)
        body.append(tag("tr", tag("th", first, scope="row"), *cells))
    parts = (tag("caption", caption), tag("thead", head), tag("tbody", *body))
    return tag("div", tag("table", *parts, class_=kind), class_="wide")


def section(title: str, *inside: Markup) -> Markup:
    """Return a section with its heading."""
    return tag("section", tag("h2", title), *inside)


def number(value: float | None) -> str:
    """Return a number as a person reads it."""
    if value is None:
        return "not measured"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
