"""The dashboard `TrainingJob`: one job, from its phase to its step times."""

from __future__ import annotations

import json
from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog import encoder
from grafana_foundation_sdk.models import dashboard as models

from hack.dashboards import panels
from hack.dashboards.panels import Frame, Query
from trainshed.api import phases
from trainshed.metrics import names

UID = "trainshed-trainingjob"
COLOURS = {
    phases.Phase.PENDING: "text",
    phases.Phase.BUILDING: "purple",
    phases.Phase.STARTING: "yellow",
    phases.Phase.RUNNING: "blue",
    phases.Phase.SUCCEEDED: "green",
    phases.Phase.FAILED: "red",
}
STATES = {float(at): (phase.value, COLOURS[phase]) for at, phase in enumerate(phases.Phase)}
"""Text and colour of each value of PHASE."""


def series(name: str, *more: str) -> str:
    """Return the selector of the chosen job's series of this name; the registry must have it."""
    assert name in names.SERIES, f"{name} is not in the registry"
    chosen = ('namespace="$namespace"', 'trainingjob="$trainingjob"', *more)
    return f"{name}{{{', '.join(chosen)}}}"


def rate(name: str) -> str:
    """Return the rate of a trainer's counter."""
    return f"rate({series(name)}[$__rate_interval])"


def quantile(which: float) -> str:
    """Return a quantile of the step time."""
    buckets = rate("training_step_duration_seconds_bucket")
    return f"histogram_quantile({which}, sum by (le) ({buckets}))"


PHASE = " + ".join(
    f"{at} * max({series(names.PHASE.name, f'phase={json.dumps(phase.value)}')})"
    for at, phase in enumerate(phases.Phase)
)
"""The phase as its number: one series, whose value is given its name and colour."""
SCRAPED, PUSHED = "scraped from the trainer", "last pushed to the operator"


def now() -> Sequence[panels.Panel]:
    """Return the row that answers: how is it?"""
    throughput = series(names.THROUGHPUT.name)
    return (
        panels.big(
            Frame(
                title="Phase",
                description="Where the job is. status.conditions say why.",
                unit="none",
                queries=[Query(PHASE, "phase")],
                width=4,
                height=4,
                colours=STATES,
            )
        ),
        panels.big(
            Frame(
                title="Progress",
                description="Share of the steps that is done.",
                unit="percentunit",
                queries=[Query(f"max({series(names.RATIO.name)})", "progress")],
                width=4,
                height=4,
                decimals=0,
                least=0,
                most=1,
                colour=panels.BLUE,
            )
        ),
        panels.big(
            Frame(
                title="Samples/s",
                description="Samples a second as the job last said; once it is finished, over all "
                "its training: the same figure as in status.progress.samplesPerSecond.",
                unit="short",
                queries=[Query(f"max({throughput})", "samples/s")],
                width=4,
                height=4,
                decimals=0,
                colour=panels.BLUE,
            )
        ),
        panels.big(
            Frame(
                title="Accuracy",
                description="Accuracy on the held-out split at the last evaluation.",
                unit="percentunit",
                queries=[Query(f"max({series(names.EVAL_METRIC.name, ACCURACY)})", "accuracy")],
                width=4,
                height=4,
                decimals=1,
                colour=panels.BLUE,
            )
        ),
        panels.big(
            Frame(
                title="Restarts",
                description="Attempts after the first.",
                unit="none",
                queries=[Query(f"max({series(names.RESTARTS.name)})", "restarts")],
                width=4,
                height=4,
                decimals=0,
            )
        ),
        panels.big(
            Frame(
                title="Accelerator",
                description="Framework, built-in model if it is one, and type of accelerator.",
                unit="none",
                queries=[
                    Query(
                        f"max by (framework, model, accelerator) ({series(names.INFO.name)})",
                        "{{framework}} {{model}} on {{accelerator}}",
                    )
                ],
                width=4,
                height=4,
            ),
            name=True,
        ),
    )


ACCURACY = 'name="accuracy"'


def training() -> Sequence[panels.Panel]:
    """Return the row that answers: how fast does it train, and does it learn?"""
    waits, seconds = rate("training_data_wait_seconds_total"), rate("training_seconds_total")
    return (
        panels.lines(
            Frame(
                title="Throughput",
                description="Samples a second over all ranks: the rate of the trainer's counter, "
                "and what it last pushed, which is there without a scrape of the pod.",
                unit="short",
                queries=[
                    Query(f"sum({rate('training_samples_total')})", SCRAPED),
                    Query(f"max({series(names.THROUGHPUT.name)})", PUSHED),
                ],
                width=12,
                least=0,
            )
        ),
        panels.lines(
            Frame(
                title="Loss",
                description="Last loss of each split.",
                unit="short",
                queries=[Query(f"max by (split) ({series('training_loss')})", "{{split}}")],
                width=12,
            )
        ),
        panels.lines(
            Frame(
                title="Step time",
                description="Seconds of a step: half of the steps and all but one in twenty are "
                "faster than these.",
                unit="s",
                queries=[Query(quantile(0.5), "p50"), Query(quantile(0.95), "p95")],
                width=8,
                least=0,
            )
        ),
        panels.lines(
            Frame(
                title="Data wait",
                description="Share of training time spent waiting for data. Above 0.2 the input "
                "pipeline is what limits the job.",
                unit="percentunit",
                queries=[Query(f"sum({waits}) / sum({seconds})", "waiting")],
                width=8,
                least=0,
            )
        ),
        panels.lines(
            Frame(
                title="Evaluation",
                description="Evaluation metrics on the held-out split.",
                unit="short",
                queries=[Query(f"max by (name) ({series('training_eval_metric')})", "{{name}}")],
                width=8,
            )
        ),
    )


def run() -> Sequence[panels.Panel]:
    """Return the row that answers: what happened to it, and where does it run?"""
    pods = f"max by (pod, node, accelerator) ({series(names.POD_INFO.name)})"
    return (
        panels.states(
            Frame(
                title="Phases",
                description="The phases that the job went through.",
                unit="none",
                queries=[Query(PHASE, "phase")],
                width=12,
                height=6,
                colours=STATES,
            )
        ),
        panels.bars(
            Frame(
                title="Start-up",
                description="Seconds of each stage from apply to the first step.",
                unit="s",
                queries=[
                    Query(f"max({series(names.STARTUP.name, f'stage={json.dumps(stage)}')})", stage)
                    for stage in names.STAGES
                ],
                width=12,
                height=6,
                least=0,
                colour=panels.BLUE,
            )
        ),
        panels.lines(
            Frame(
                title="Steps",
                description="Steps done, and steps until the end.",
                unit="short",
                queries=[
                    Query(f"max({series(names.STEP.name)})", "done"),
                    Query(f"max({series(names.TARGET_STEPS.name)})", "target"),
                ],
                width=8,
                least=0,
            )
        ),
        panels.lines(
            Frame(
                title="Pods",
                description="Pods that are pending or running.",
                unit="none",
                queries=[Query(f"max({series(names.ACTIVE_PODS.name)})", "active")],
                width=8,
                least=0,
                decimals=0,
            )
        ),
        panels.big(
            Frame(
                title="Nodes",
                description="Where the job's pods run or ran in the time shown.",
                unit="none",
                queries=[Query(pods, "{{node}} ({{accelerator}})")],
                width=8,
                no_value="no pod",
            ),
            name=True,
        ),
    )


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
    for title, row in (("Now", now()), ("Training", training()), ("Run", run())):
        number += 1
        board.with_row(builders.Row(title).id(number))
        for panel in row:
            number += 1
            board.with_panel(panel.id(number))
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
