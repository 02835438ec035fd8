"""Panels in this project's manner: a unit, a description and a datasource variable for each."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")


class Shape(enum.Enum):
    """How a panel shows its series."""

    BIG = enum.auto()
    """One big value: the last one of the range."""
    NAME = enum.auto()
    """The names of the series."""
    LINES = enum.auto()
    BARS = enum.auto()
    """One horizontal bar for each series' last value."""
    STATES = enum.auto()
    """The states that one series goes through."""


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and how its series are named."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A panel. `width` in 24ths of the page, `height` in rows of 30 pixels."""

    shape: Shape
    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    width: int
    height: int = 8
    decimals: int | None = None
    least: float | None = None
    most: float | None = None
    no_value: str = "-"
    colours: Mapping[float, tuple[str, str]] | None = None
    """Text and colour by value."""
    colour: str | None = None


Panel = stat.Panel | timeseries.Panel | bargauge.Panel | statetimeline.Panel


def build(frame: Frame) -> Panel:
    """Return the panel, without its number."""
    panel = _SHAPES[frame.shape]()
    panel.title(frame.title).description(frame.description).datasource(DATASOURCE)
    panel.unit(frame.unit).span(frame.width).height(frame.height).no_value(frame.no_value)
    for index, query in enumerate(frame.queries):
        panel.with_target(_target(query, chr(ord("A") + index)))
    if frame.decimals is not None:
        panel.decimals(frame.decimals)
    if frame.least is not None:
        panel.min(frame.least)
    if frame.most is not None:
        panel.max(frame.most)
    if frame.colours is not None:
        panel.mappings([_mapping(frame.colours)])
    if frame.colour is not None:
        mode = models.FieldColorModeId.FIXED
        panel.color_scheme(builders.FieldColor().mode(mode).fixed_color(frame.colour))
    return panel


def _target(query: Query, ref: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expression)
        .legend_format(query.legend)
        .ref_id(ref)
        .datasource(DATASOURCE)
        .range()
    )


def _big(mode: common_models.BigValueTextMode) -> stat.Panel:
    return (
        stat.Panel()
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .text_mode(mode)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _lines() -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    return (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(8)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(legend)
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )


def _bars() -> bargauge.Panel:
    return (
        bargauge.Panel()
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _states() -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .show_value(common_models.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
        .legend(common.VizLegendOptions().show_legend(False))
    )


def _mapping(colours: Mapping[float, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap(
        options={
            f"{value:g}": models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(colours.items())
        }
    )


_SHAPES: Mapping[Shape, Callable[[], Panel]] = {
    Shape.BIG: lambda: _big(common_models.BigValueTextMode.VALUE),
    Shape.NAME: lambda: _big(common_models.BigValueTextMode.NAME),
    Shape.LINES: _lines,
    Shape.BARS: _bars,
    Shape.STATES: _states,
}
