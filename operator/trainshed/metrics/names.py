"""Every metric that the operator and the training library export: the one registry.

The reference page, the dashboards' lint and the operator's own output derive from it. The
library in the pod can't import it: a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.metrics import kinds

STAGES = ("building", "queued", "scheduling", "pulling", "initialising", "first_step")
"""The stages of a start in their order, as status.timeline has them."""
STEP_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)


def _trainer(name: str, kind: kinds.Kind, text: str, *own: str, unit: str = "") -> kinds.Metric:
    buckets = STEP_BUCKETS if kind is kinds.Kind.HISTOGRAM else ()
    return kinds.Metric(f"training_{name}", kinds.Origin.TRAINER, kind, text, own, unit, buckets)


def _job(
    name: str, text: str, *own: str, unit: str = "", kind: kinds.Kind = kinds.Kind.GAUGE
) -> kinds.Metric:
    return kinds.Metric(f"trainingjob_{name}", kinds.Origin.JOB, kind, text, own, unit)


def _controller(
    name: str,
    kind: kinds.Kind,
    text: str,
    *own: str,
    unit: str = "",
    buckets: tuple[float, ...] = (),
) -> kinds.Metric:
    return kinds.Metric(
        f"trainshed_{name}", kinds.Origin.CONTROLLER, kind, text, own, unit, buckets
    )


C, G, H = kinds.Kind.COUNTER, kinds.Kind.GAUGE, kinds.Kind.HISTOGRAM

TRAINER = (
    _trainer("samples_total", C, "Samples trained on by this process.", unit="samples"),
    _trainer("steps_total", C, "Optimiser steps done by this process.", unit="steps"),
    _trainer(
        "seconds_total",
        C,
        "Seconds in training: steps and their waits for data; no evaluation, no start-up.",
        unit="seconds",
    ),
    _trainer("step_seconds_total", C, "Seconds in steps, without waits.", unit="seconds"),
    _trainer("data_wait_seconds_total", C, "Seconds of waiting for data.", unit="seconds"),
    _trainer("step_duration_seconds", H, "Seconds of a step.", unit="seconds"),
    _trainer("loss", G, "Last loss of a split.", "split"),
    _trainer("learning_rate", G, "Learning rate of the last step."),
    _trainer("eval_metric", G, "Last value of an evaluation metric.", "name"),
    _trainer("epoch", G, "Epochs begun.", unit="epochs"),
    _trainer("step", G, "Steps done, of the whole job.", unit="steps"),
    _trainer("target_steps", G, "Steps until the end.", unit="steps"),
    _trainer("metrics_dropped_total", C, "Evaluation metrics beyond the limit of ten names."),
    _trainer(
        "process_info",
        G,
        "Always 1; its labels say what runs.",
        "framework",
        "framework_version",
        "device",
        "dtype",
        "world_size",
    ),
    _trainer("accelerator_memory_used_bytes", G, "Memory in use on a GPU.", "device", unit="bytes"),
    _trainer("accelerator_memory_total_bytes", G, "Memory of a GPU.", "device", unit="bytes"),
    _trainer("accelerator_power_watts", G, "Power of a GPU.", "device", unit="watts"),
    _trainer(
        "accelerator_utilization_ratio",
        G,
        "Share of time in which something is on a GPU, be it a process that waits.",
        "device",
        unit="ratio",
    ),
    _trainer(
        "accelerator_energy_joules_total",
        C,
        "Energy of a GPU since this process began.",
        "device",
        unit="joules",
    ),
)

INFO = _job(
    "info", "Always 1; its labels say what the job is.", "framework", "model", "accelerator"
)
PHASE = _job("status_phase", "1 for the job's present phase, else 0.", "phase")
CONDITION = _job(
    "status_condition", "1 for each condition's present status.", "condition", "status"
)
CREATED = _job("created_timestamp_seconds", "When the job was created.", unit="seconds")
STARTED = _job("started_timestamp_seconds", "When its container started.", unit="seconds")
COMPLETED = _job("completed_timestamp_seconds", "When the job ended.", unit="seconds")
ACTIVE_PODS = _job("status_active_pods", "Pods that are pending or running.", unit="pods")
POD_INFO = _job(
    "pod_info", "Always 1, for each pod that lives: joins its node.", "pod", "node", "accelerator"
)
RATIO = _job("progress_ratio", "Share of the steps that is done.", unit="ratio")
STEP = _job("step", "Steps done.", unit="steps")
TARGET_STEPS = _job("target_steps", "Steps until the end.", unit="steps")
SAMPLES = _job("samples", "Samples trained on.", unit="samples")
THROUGHPUT = _job(
    "throughput_samples_per_second",
    "Last known samples a second; once finished, over all the training.",
    unit="samples per second",
)
LOSS = _job("loss", "Last known training loss.")
STEP_DURATION = _job(
    "step_duration_seconds",
    "Seconds of a step over a recent window, as the job last said.",
    "quantile",
    unit="seconds",
    kind=kinds.Kind.SUMMARY,
)
DATA_WAIT = _job("data_wait_ratio", "Share of training time spent waiting for data.", unit="ratio")
EVAL_METRIC = _job(
    "eval_metric",
    "Last known value of an evaluation metric; of a cross-validation the mean of its folds so far.",
    "name",
)
RESTARTS = _job("restarts", "Attempts after the first.", unit="restarts")
STARTUP = _job(
    "startup_seconds",
    "Seconds of a stage from apply to the first step; the stages sum to the whole.",
    "stage",
    unit="seconds",
)

JOB = (
    INFO,
    PHASE,
    CONDITION,
    CREATED,
    STARTED,
    COMPLETED,
    ACTIVE_PODS,
    POD_INFO,
    RATIO,
    STEP,
    TARGET_STEPS,
    SAMPLES,
    THROUGHPUT,
    LOSS,
    STEP_DURATION,
    DATA_WAIT,
    EVAL_METRIC,
    RESTARTS,
    STARTUP,
)

_PASS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_WAIT = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
_BUILD = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)

RECONCILE_DURATION = _controller(
    "reconcile_duration_seconds", H, "Seconds of a pass over a job.", unit="seconds", buckets=_PASS
)
RECONCILE_ERRORS = _controller(
    "reconcile_errors_total", C, "Passes that failed, by the class of the error.", "class"
)
QUEUE_DEPTH = _controller("queue_depth", G, "Jobs that wait for a pass.", "priority", unit="jobs")
QUEUE_WAIT = _controller(
    "queue_wait_seconds",
    H,
    "Seconds that a job waited for a pass.",
    "priority",
    unit="seconds",
    buckets=_WAIT,
)
API_REQUESTS = _controller("api_requests_total", C, "Requests to the API server.", "verb", "code")
PUSHES = _controller("progress_pushes_total", C, "Pushes of trainers, by their end.", "result")
LOOP_LAG = _controller(
    "loop_lag_seconds", H, "How late the event loop came back.", unit="seconds", buckets=_LAG
)
LEADER = _controller("leader", G, "1 while this process leads, else 0.")
FAILED = "failed"
BUILD_RESULTS = ("built", "found", FAILED)
BUILD_DURATION = _controller(
    "build_duration_seconds",
    H,
    "Seconds that a job waited for its image.",
    "result",
    unit="seconds",
    buckets=_BUILD,
)
BUILDS = _controller("builds_total", C, "Builds of jobs: built, found or failed.", "result")
BUILD_FAILURES = _controller(
    "build_failures_total",
    C,
    "Tries of a build that failed, by reason; other where a build pod says what we do not.",
    "reason",
)
BUILD_PHASES = _controller(
    "build_phase_seconds",
    H,
    "Seconds of a phase of a build; what many jobs share is counted once.",
    "phase",
    unit="seconds",
    buckets=_BUILD,
)
BUILD_HITS = _controller(
    "build_cache_hits_total",
    C,
    "What was found in place of being made: an image, an order's image, layers of packages.",
    "kind",
)
BUILD_BYTES = _controller(
    "build_uploaded_bytes_total", C, "Bytes that builds sent to the registry.", unit="bytes"
)

TAGS_DELETED = _controller(
    "registry_tags_deleted_total", C, "Tags of old images that the bundled registry let go."
)

CLASS_NODES = _controller(
    "accelerator_nodes", G, "Nodes of an AcceleratorClass.", "class", unit="nodes"
)
CLASS_ALLOCATABLE = _controller(
    "accelerator_allocatable",
    G,
    "Devices of an AcceleratorClass that a device plugin counts; absent of others.",
    "class",
    unit="devices",
)
CLASS_IN_USE = _controller(
    "accelerator_in_use",
    G,
    "Devices of an AcceleratorClass that pods of TrainingJobs have.",
    "class",
    unit="devices",
)

CONTROLLER = (
    RECONCILE_DURATION,
    RECONCILE_ERRORS,
    QUEUE_DEPTH,
    QUEUE_WAIT,
    API_REQUESTS,
    PUSHES,
    LOOP_LAG,
    LEADER,
    BUILD_DURATION,
    BUILDS,
    BUILD_FAILURES,
    BUILD_PHASES,
    BUILD_HITS,
    BUILD_BYTES,
    TAGS_DELETED,
    CLASS_NODES,
    CLASS_ALLOCATABLE,
    CLASS_IN_USE,
)

ALL = TRAINER + JOB + CONTROLLER
SERIES: Mapping[str, kinds.Metric] = {name: each for each in ALL for name in each.series}
"""Metrics by each name that a query may use."""
