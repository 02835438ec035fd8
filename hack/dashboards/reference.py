"""docs/reference/metrics.md, from the registry of names."""

from __future__ import annotations

from collections.abc import Sequence

from hack.dashboards import recording
from trainshed.metrics import kinds, names

_HEAD = """\
<!-- Generated from operator/trainshed/metrics/names.py by `python -m hack.dashboards`. -->
# Metrics

Every metric that trainshed exports. Prometheus adds the labels of the scrape
({target}) to those of the trainer; the operator's `trainingjob_*` name the namespace
of the job, so scrape the operator with `honor_labels: true`.
"""
_ORIGINS = {
    kinds.Origin.TRAINER: (
        "In the training process",
        "Served by every trainer pod on port 9400, `/metrics`. Rates of these counters are the "
        "live view; a run that is shorter than a few scrapes has none. `fold` is there in a "
        "cross-validation alone, where every pod is rank 0.",
    ),
    kinds.Origin.JOB: (
        "Of each TrainingJob",
        "Served by the operator from its cache, on port 8080, `/metrics`. A series lives while "
        "its TrainingJob exists, and at most `metrics.finishedJobsRetentionSeconds` past its end; "
        "the status keeps the figures. What is not known has no series.",
    ),
    kinds.Origin.CONTROLLER: (
        "Of the operator itself",
        "Served beside them, with the usual `process_*` and `python_info`.",
    ),
}
_RECORDED = """
## Recorded of GPUs

What Prometheus records by the chart's rules (`files/rules/gpus.yaml`) from DCGM's series and
`trainingjob_pod_info`, where there is a dcgm-exporter: [read the
figures](../how-to/read-the-figures.md#gpus) says how. Of each GPU, and of each job.

"""


def render() -> str:
    """Return the page."""
    target = ", ".join(f"`{each}`" for each in kinds.TARGET)
    parts = [_HEAD.format(target=target)]
    for origin, (title, text) in _ORIGINS.items():
        metrics = [each for each in names.ALL if each.origin is origin]
        common = ", ".join(f"`{each}`" for each in kinds.COMMON[origin])
        also = f" All have the labels {common}." if common else ""
        parts.append(f"\n## {title}\n\n{text}{also}\n\n{_table(metrics)}")
    return "".join([*parts, _RECORDED, _recorded()])


def _table(metrics: Sequence[kinds.Metric]) -> str:
    rows = ["| metric | type | labels | unit | meaning |", "|---|---|---|---|---|"]
    for each in metrics:
        labels = ", ".join(f"`{label}`" for label in each.own)
        rows.append(f"| `{each.name}` | {each.kind} | {labels} | {each.unit} | {each.help} |")
    return "\n".join(rows) + "\n"


def _recorded() -> str:
    rows = ["| series | labels | unit | meaning |", "|---|---|---|---|"]
    for each in recording.RULES:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        rows.append(f"| `{each.name}` | {labels} | {each.unit} | {each.help} |")
    return "\n".join(rows) + "\n"
