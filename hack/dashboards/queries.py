"""Reads the committed dashboard: its panels, queries and variables, and fills in values."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INTERVALS = ("__rate_interval", "__interval")
"""Grafana's own variables."""
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+),\s*(?P<label>\w+)\)")


class UnknownVariable(Exception):
    """A text uses a variable that has no value."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel, as it is written."""

    ref: str
    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel that shows data."""

    id: int
    type: str
    title: str
    description: str
    place: tuple[int, int, int, int]
    """x, y, width, height in the grid of 24 columns."""
    queries: Sequence[Query]
    defaults: Mapping[str, Any]
    options: Mapping[str, Any]

    @property
    def unit(self) -> str:
        """Return the unit of its values; empty where there is none."""
        return str(self.defaults.get("unit", ""))


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable whose values are those of a label."""

    name: str
    selector: str
    label: str


@dataclass(frozen=True, slots=True)
class Board:
    """What there is to ask and to draw."""

    title: str
    sections: Sequence[tuple[str, int]]
    """Titles of the rows and where they stand in the grid."""
    panels: Sequence[Panel]
    variables: Sequence[Variable]


def load(path: pathlib.Path) -> Board:
    """Return the dashboard in a file."""
    return read(json.loads(path.read_text(encoding="utf-8")))


def read(document: Mapping[str, Any]) -> Board:
    """Return the dashboard of a decoded document."""
    return Board(
        title=document["title"],
        sections=[
            (each["title"], each["gridPos"]["y"])
            for each in flat(document)
            if each["type"] == "row"
        ],
        panels=[_panel(each) for each in flat(document) if each["type"] != "row"],
        variables=list(_variables(document)),
    )


def flat(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every panel and row, also those in a folded row."""
    for each in document["panels"]:
        yield each
        yield from each.get("panels") or ()


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables replaced; raises UnknownVariable."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in values:
            raise UnknownVariable(f"${name} in {text}")
        return values[name]

    return _VARIABLE.sub(value, text)


def with_intervals(values: Mapping[str, str], interval: str) -> dict[str, str]:
    """Return values that have Grafana's intervals too."""
    return {**dict.fromkeys(INTERVALS, interval), **values}


def _panel(panel: Mapping[str, Any]) -> Panel:
    place = panel["gridPos"]
    return Panel(
        id=panel["id"],
        type=panel["type"],
        title=panel["title"],
        description=panel.get("description", ""),
        place=(place.get("x", 0), place.get("y", 0), place["w"], place["h"]),
        queries=[
            Query(each["refId"], each["expr"], each.get("legendFormat", ""))
            for each in panel.get("targets") or ()
        ],
        defaults=panel.get("fieldConfig", {}).get("defaults", {}),
        options=panel.get("options", {}),
    )


def _variables(document: Mapping[str, Any]) -> Iterator[Variable]:
    for each in document["templating"]["list"]:
        if each["type"] == "query":
            found = _LABEL_VALUES.fullmatch(str(each["query"]))
            if found is None:
                raise ValueError(f"{each['name']}: {each['query']} is no label_values(…)")
            yield Variable(each["name"], found["selector"], found["label"])
