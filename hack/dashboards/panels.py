"""Panels in this project's manner: a unit, a description and a datasource variable for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and how its series are named."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every panel has. `width` of 24 columns; `height` in rows of 30 pixels."""

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


def big(frame: Frame, *, name: bool = False) -> stat.Panel:
    """Return one big value: the last one of the range, or its series' name."""
    text = common_models.BigValueTextMode
    panel = (
        stat.Panel()
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .text_mode(text.NAME if name else text.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    _dress(panel, frame)
    return panel


def lines(frame: Frame) -> timeseries.Panel:
    """Return lines over time."""
    panel = (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(8)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    _dress(panel, frame)
    return panel


def bars(frame: Frame) -> bargauge.Panel:
    """Return one horizontal bar for each series."""
    panel = (
        bargauge.Panel()
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    _dress(panel, frame)
    return panel


def states(frame: Frame) -> statetimeline.Panel:
    """Return the states that one series goes through."""
    panel = (
        statetimeline.Panel()
        .show_value(common_models.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
        .legend(common.VizLegendOptions().show_legend(False))
    )
    _dress(panel, frame)
    return panel


def _dress(panel: Panel, frame: Frame) -> None:
    panel.title(frame.title).description(frame.description).datasource(DATASOURCE)
    panel.unit(frame.unit).span(frame.width).height(frame.height).no_value(frame.no_value)
    for index, query in enumerate(frame.queries):
        panel.with_target(
            prometheus.Dataquery()
            .expr(query.expression)
            .legend_format(query.legend)
            .ref_id(chr(ord("A") + index))
            .datasource(DATASOURCE)
            .range()
        )
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


def _mapping(colours: Mapping[float, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap(
        options={
            f"{value:g}": models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(colours.items())
        }
    )
