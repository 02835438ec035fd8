"""The dashboard's rows of panels, in the order in which they are read."""

from __future__ import annotations

from hack.dashboards import gpus
from hack.dashboards.asking import (
    PHASE,
    last,
    own,
    own_seconds,
    placed,
    quantile,
    rate,
    series,
)
from hack.dashboards.panels import Frame, Query, Shape
from trainshed.api import phases
from trainshed.metrics import names

COLOURS = {
    phases.Phase.PENDING: "text",
    phases.Phase.BUILDING: "purple",
    phases.Phase.QUEUED: "orange",
    phases.Phase.SUSPENDED: "text",
    phases.Phase.STARTING: "yellow",
    phases.Phase.RUNNING: "blue",
    phases.Phase.SUCCEEDED: "green",
    phases.Phase.FAILED: "red",
}
STATES = {float(at): (phase.value, COLOURS[phase]) for at, phase in enumerate(phases.Phase)}
"""Text and colour of each value of PHASE."""

NOW = (
    Frame(
        shape=Shape.BIG,
        title="Phase",
        description="Where the job is. status.conditions say why.",
        unit="none",
        queries=[Query(PHASE, "phase")],
        width=4,
        height=4,
        colours=STATES,
    ),
    Frame(
        shape=Shape.BIG,
        title="Progress",
        description="Share of the steps that is done.",
        unit="percentunit",
        queries=[Query(last(names.RATIO), "progress")],
        width=4,
        height=4,
        decimals=0,
        least=0,
        most=1,
        colour="blue",
    ),
    Frame(
        shape=Shape.BIG,
        title="Samples/s",
        description="Samples a second as the job last said; once it is finished, over all its "
        "training: the same figure as in status.progress.samplesPerSecond.",
        unit="short",
        queries=[Query(last(names.THROUGHPUT), "samples/s")],
        width=4,
        height=4,
        decimals=0,
        colour="blue",
    ),
    Frame(
        shape=Shape.BIG,
        title="Accuracy",
        description="Accuracy on the held-out split at the last evaluation.",
        unit="percentunit",
        queries=[Query(last(names.EVAL_METRIC, name="accuracy"), "accuracy")],
        width=4,
        height=4,
        decimals=1,
        colour="blue",
    ),
    Frame(
        shape=Shape.BIG,
        title="Restarts",
        description="Attempts after the first.",
        unit="none",
        queries=[Query(last(names.RESTARTS), "restarts")],
        width=4,
        height=4,
        decimals=0,
        colour="text",
    ),
    Frame(
        shape=Shape.NAME,
        title="Accelerator",
        description="Framework, built-in model if it is one, and type of accelerator: as soon as "
        "the job has a node.",
        unit="none",
        queries=[
            Query(
                f"max by (framework, model, accelerator) ({placed(names.INFO)})",
                "{{framework}} {{model}} on {{accelerator}}",
            )
        ],
        width=4,
        height=4,
        colour="text",
    ),
)

TRAINING = (
    Frame(
        shape=Shape.LINES,
        title="Throughput",
        description="Samples a second over all ranks: the rate of the trainer's counter, and what "
        "it last pushed, which is there without a scrape of the pod.",
        unit="short",
        queries=[
            Query(rate("training_samples_total"), "scraped from the trainer"),
            Query(last(names.THROUGHPUT), "last pushed to the operator"),
        ],
        width=12,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Loss",
        description="Last loss of each split.",
        unit="short",
        queries=[Query(f"max by (split) ({series('training_loss')})", "{{split}}")],
        width=12,
    ),
    Frame(
        shape=Shape.LINES,
        title="Step time",
        description="Seconds of a step: half of the steps, and all but one in twenty, are faster.",
        unit="s",
        queries=[Query(quantile(0.5), "p50"), Query(quantile(0.95), "p95")],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Data wait",
        description="Share of training time spent waiting for data. Above 20 % the input pipeline "
        "is what limits the job.",
        unit="percentunit",
        queries=[
            Query(
                f"{rate('training_data_wait_seconds_total')} / {rate('training_seconds_total')}",
                "waiting",
            )
        ],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Evaluation",
        description="Evaluation metrics on the held-out split.",
        unit="short",
        queries=[Query(f"max by (name) ({series('training_eval_metric')})", "{{name}}")],
        width=8,
    ),
)

RUN = (
    Frame(
        shape=Shape.STATES,
        title="Phases",
        description="The phases that the job went through.",
        unit="none",
        queries=[Query(PHASE, "phase")],
        width=12,
        height=6,
        colours=STATES,
    ),
    Frame(
        shape=Shape.BARS,
        title="Start-up",
        description="Seconds of each stage from apply to the first step.",
        unit="s",
        queries=[Query(last(names.STARTUP, stage=stage), stage) for stage in names.STAGES],
        width=12,
        height=6,
        least=0,
        colour="blue",
    ),
    Frame(
        shape=Shape.LINES,
        title="Steps",
        description="Steps done, and steps until the end.",
        unit="short",
        queries=[Query(last(names.STEP), "done"), Query(last(names.TARGET_STEPS), "target")],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Pods",
        description="Pods that are pending or running.",
        unit="none",
        queries=[Query(last(names.ACTIVE_PODS), "active")],
        width=8,
        least=0,
        decimals=0,
    ),
    Frame(
        shape=Shape.NAME,
        title="Nodes",
        description="Where the job's pods run, or ran in the time shown.",
        unit="none",
        queries=[
            Query(
                f"max by (pod, node, accelerator) ({placed(names.POD_INFO)})",
                "{{node}} ({{accelerator}})",
            )
        ],
        width=8,
        no_value="no pod",
        colour="text",
    ),
)

BUILDS = (
    Frame(
        shape=Shape.LINES,
        title="Builds",
        description="Jobs of all namespaces that got their image, built or found, or failed to.",
        unit="ops",
        queries=[Query(own(names.BUILDS, "result"), "{{result}}")],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Build time by phase",
        description="Seconds a second that builds spend in each phase: the highest is what to mend."
        " Start is the wait for the build pod.",
        unit="s",
        queries=[Query(own_seconds(names.BUILD_PHASES, "phase"), "{{phase}}")],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Found, not built",
        description="What was found in the registry: an image by its content, by what was ordered,"
        " or packages that were resolved before.",
        unit="ops",
        queries=[Query(own(names.BUILD_HITS, "kind"), "{{kind}}")],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Sent to the registry",
        description="Bytes a second that builds upload.",
        unit="Bps",
        queries=[Query(own(names.BUILD_BYTES), "sent")],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="Failed builds",
        description="Tries that failed, by reason: the reference of reasons says what to do.",
        unit="ops",
        queries=[Query(f"topk(5, {own(names.BUILD_FAILURES, 'reason')})", "{{reason}}")],
        width=16,
        least=0,
    ),
)

ROWS = {
    "Now": NOW,
    "Training": TRAINING,
    "Run": RUN,
    "Devices": gpus.DEVICES,
    "Builds of all jobs": BUILDS,
}
