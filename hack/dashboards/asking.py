"""Expressions about the chosen job, whose metrics are all in the registry."""

from __future__ import annotations

import json

from hack.dashboards import recording
from trainshed.api import phases
from trainshed.metrics import kinds, names


def series(name: str, /, **labels: str) -> str:
    """Return the selector of the chosen job's series of this name."""
    assert name in names.SERIES or name in recording.SERIES, f"{name} is not in the registry"
    chosen = {"namespace": "$namespace", "trainingjob": "$trainingjob", **labels}
    pairs = ", ".join(f"{label}={json.dumps(value)}" for label, value in chosen.items())
    return f"{name}{{{pairs}}}"


def last(metric: kinds.Metric, /, **labels: str) -> str:
    """Return the operator's value of a metric.

    By `max`, since two replicas of the operator may export it while one takes over.
    """
    return f"max({series(metric.name, **labels)})"


def placed(metric: kinds.Metric) -> str:
    """Return the operator's series of a job whose accelerator is known.

    Those from before, which lack it, would stand beside them as a second job.
    """
    return f"{series(metric.name)} unless {series(metric.name, accelerator='')}"


def recorded(rule: recording.Rule) -> str:
    """Return what Prometheus has recorded of the chosen job."""
    return series(rule.name)


def rate(name: str) -> str:
    """Return the rate of a trainer's counter, over all ranks."""
    return f"sum({_rate(name)})"


def quantile(which: float) -> str:
    """Return a quantile of the step time."""
    buckets = _rate("training_step_duration_seconds_bucket")
    return f"histogram_quantile({which}, sum by (le) ({buckets}))"


def own(metric: kinds.Metric, by: str = "") -> str:
    """Return the rate of one of the operator's own counters, over all its replicas."""
    assert metric.origin is kinds.Origin.CONTROLLER
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({metric.name}[$__rate_interval]))"


def own_seconds(metric: kinds.Metric, by: str) -> str:
    """Return how many seconds a second go into each part of one of the operator's histograms."""
    assert metric.kind is kinds.Kind.HISTOGRAM
    return f"sum by ({by}) (rate({metric.name}_sum[$__rate_interval]))"


def _rate(name: str) -> str:
    return f"rate({series(name)}[$__rate_interval])"


PHASE = " + ".join(
    f"{number} * {last(names.PHASE, phase=phase.value)}"
    for number, phase in enumerate(phases.Phase)
)
"""The phase as its number: one series, whose value is given its name and colour."""
