"""The dashboard `TrainingJob`: one job, from its phase to its step times."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog import encoder
from grafana_foundation_sdk.models import dashboard as models

from hack.dashboards import panels, rows
from trainshed.metrics import names

UID = "trainshed-trainingjob"


def build() -> models.Dashboard:
    """Return the dashboard."""
    board = (
        builders.Dashboard("TrainingJob")
        .uid(UID)
        .description("One TrainingJob of trainshed: progress, throughput, loss, step times.")
        .tags(["trainshed"])
        .timezone("browser")
        .refresh("10s")
        .time("now-30m", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            builders.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(_variable("namespace", "Namespace", names.INFO.name))
        .with_variable(
            _variable("trainingjob", "TrainingJob", f'{names.INFO.name}{{namespace="$namespace"}}')
        )
    )
    number = 0
    for title, row in rows.ROWS.items():
        number += 1
        board.with_row(builders.Row(title).id(number))
        for frame in row:
            number += 1
            board.with_panel(panels.build(frame).id(number))
    return board.build()


def render() -> str:
    """Return the dashboard as the JSON that is committed."""
    return encoder.JSONEncoder(sort_keys=True, indent=2).encode(build()) + "\n"


def _variable(name: str, label: str, selector: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(panels.DATASOURCE)
        .query(f"label_values({selector}, {name})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
