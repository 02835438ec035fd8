"""What a rank claims of itself. Its process runs the user's code: it may have left anything.

What is not of the known names and types is dropped, so that the launcher can rely on the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed_trainer import accounts

LARGEST = 2**62
"""More than any run counts; the operator takes no more."""
_FIGURES = frozenset({"rank", "steps", "epochs", "samples", "corruptSamples"})
_AMOUNTS = frozenset(
    {
        "trainingSeconds",
        "samplesPerSecond",
        "loss",
        "heldOutLoss",
        "startTime",
        "firstStepTime",
        "firstStepSeconds",
        "endTime",
        "timeToTargetSeconds",
        "energyJoules",
    }
)
_CHECKPOINT = frozenset({"lastStep", "resumedFromStep"})
_PROGRESS = frozenset({"step", "totalSteps", "epoch", "samples"})
_EXPORT_TEXTS = {"format": 16, "path": 128}
_LATENCIES = ("latencySeconds", "batchLatencySeconds")
MOST_EXPORTS = 3
MOST_TRACES, LONGEST_PATH = 8, 256
_TESTED = frozenset({"samplesPerSecond", "dataWaitRatio", "utilisation"})
_TEXTS = {"outcome": 16, "class": 32, "reason": 64, "message": accounts.MAX_MESSAGE, "report": 128}


def account(left: Any) -> accounts.Account:
    """Return what is sound of an account: figures, and how the rank says that it ended."""
    if not isinstance(left, Mapping):
        return {}
    kept = {**_numbers(left, counts=_FIGURES, amounts=_AMOUNTS), **_said(left, _TEXTS)}
    exports = left.get("exports")
    if isinstance(exports, list):
        kept["exports"] = [_export(each) for each in exports[:MOST_EXPORTS]]
    traces = left.get("traces")
    if isinstance(traces, list):
        paths = (each for each in traces[:MOST_TRACES] if isinstance(each, str))
        kept["traces"] = [accounts.finite(each[:LONGEST_PATH]) for each in paths]
    warnings = left.get("warnings")
    if isinstance(warnings, list):
        told = (each for each in warnings[: accounts.MAX_WARNINGS] if isinstance(each, str))
        kept["warnings"] = [accounts.finite(each[: accounts.MAX_WARNING]) for each in told]
    if isinstance(tested := left.get("performance"), Mapping):
        counts = frozenset({"steps", "parameters", "flops"})
        kept["performance"] = _numbers(tested, counts=counts, amounts=_TESTED)
        kept["performance"] |= _percentiles(tested)
    return kept


def progress(left: Any) -> dict[str, Any]:
    """Return what is sound of the body of a push."""
    if not isinstance(left, Mapping):
        return {}
    kept = _numbers(left, counts=_PROGRESS, amounts=_AMOUNTS | {"dataWaitRatio"})
    return kept | _percentiles(left)


def _export(told: Any) -> dict[str, Any]:
    """Return what is sound of what is told of one file of the model."""
    if not isinstance(told, Mapping):
        return {}
    kept = _said(told, _EXPORT_TEXTS)
    kept |= {name: told[name] for name in ("bytes",) if _is_count(told.get(name))}
    kept["maxDifference"] = _amount(told.get("maxDifference"))
    for name in _LATENCIES:
        if isinstance(found := told.get(name), Mapping):
            kept[name] = {part: _amount(found.get(part)) for part in ("samples", "p50", "p95")}
    return kept


def _percentiles(left: Mapping[str, Any]) -> dict[str, Any]:
    found = left.get("stepSeconds")
    if not isinstance(found, Mapping):
        return {}
    return {"stepSeconds": {name: _amount(found.get(name)) for name in ("p50", "p95")}}


def _said(left: Mapping[str, Any], texts: Mapping[str, int]) -> dict[str, Any]:
    return {
        name: accounts.finite(left[name][:limit])
        for name, limit in texts.items()
        if isinstance(left.get(name), str) and left[name]
    }


def _numbers(
    left: Mapping[str, Any], *, counts: frozenset[str], amounts: frozenset[str]
) -> dict[str, Any]:
    kept = {name: left[name] for name in counts if _is_count(left.get(name))}
    kept |= {name: left[name] for name in amounts if _amount(left.get(name)) is not None}
    metrics = left.get("metrics")
    if isinstance(metrics, Mapping):
        rows = list(metrics.items())[: accounts.MAX_METRICS]
        kept["metrics"] = {str(name)[:64]: _amount(value) for name, value in rows}
    checkpoint = left.get("checkpoint")
    if isinstance(checkpoint, Mapping):
        kept["checkpoint"] = {
            name: checkpoint[name] for name in _CHECKPOINT if _is_count(checkpoint.get(name))
        }
    return kept


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def _amount(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < LARGEST else None
