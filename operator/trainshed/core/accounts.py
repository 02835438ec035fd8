"""Reads a job's own account: JSON of the user's container, so hostile until read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from trainshed.core import findings, reports

MAX_METRICS = 10
MAX_EXPORTS = 3
MAX_TRACES = 8
MAX_WARNINGS, MAX_WARNING = 3, 200
MAX_PATH = 256
END_OF_CALENDAR = 253_402_300_800.0
"""The year 10000, which no RFC 3339 timestamp can name."""
_OUTCOMES = frozenset({"succeeded", "failed", "stopped"})
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
"""A path below a folder: no part begins with a dot."""


def parse(text: str) -> reports.Account | None:
    """Return the account in a termination message; None where there is none that is sound."""
    if not text.startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read(document) if isinstance(document, dict) else None


def read(document: Mapping[str, Any]) -> reports.Account | None:
    """Return the account of a decoded document; None when its outcome is not one of ours."""
    outcome = document.get("outcome")
    if not isinstance(outcome, str) or outcome not in _OUTCOMES:
        return None
    return reports.Account(
        outcome=outcome,
        exit_code=_integer(document, "exitCode"),
        failure_class=_text(document, "class", 32),
        reason=_text(document, "reason", 64),
        message=_text(document, "message", 1024),
        log_tail=_text(document, "logTail", 4096),
        rank=_integer(document, "rank"),
        steps=_integer(document, "steps"),
        epochs=_integer(document, "epochs"),
        samples=_integer(document, "samples"),
        corrupt_samples=_integer(document, "corruptSamples"),
        training_seconds=_number(document, "trainingSeconds") or 0.0,
        samples_per_second=_number(document, "samplesPerSecond") or 0.0,
        loss=_number(document, "loss"),
        held_out_loss=_number(document, "heldOutLoss"),
        metrics=_metrics(document.get("metrics")),
        start_time=_moment(document, "startTime"),
        first_step_time=_moment(document, "firstStepTime"),
        first_step_seconds=_moment(document, "firstStepSeconds"),
        end_time=_moment(document, "endTime"),
        time_to_target_seconds=_number(document, "timeToTargetSeconds"),
        energy_joules=_amount(document, "energyJoules"),
        checkpoint=checkpoint(document.get("checkpoint")),
        warnings=_warnings(document.get("warnings")),
        report=_path(document.get("report")),
        exports=_exports(document.get("exports")),
        traces=_traces(document.get("traces")),
        tested=_tested(document.get("performance")),
    )


def checkpoint(told: Any) -> reports.Checkpoint | None:
    """Return what is told of checkpoints; None where there are none."""
    if not isinstance(told, dict) or "lastStep" not in told:
        return None
    return reports.Checkpoint(_integer(told, "lastStep"), _integer(told, "resumedFromStep"))


def _exports(told: Any) -> tuple[findings.Export, ...]:
    if not isinstance(told, list):
        return ()
    found = (_export(each) for each in told[:MAX_EXPORTS] if isinstance(each, dict))
    return tuple(each for each in found if each.format and each.path)


def _export(told: Mapping[str, Any]) -> findings.Export:
    return findings.Export(
        format=_text(told, "format", 16),
        path=_path(told.get("path")),
        bytes=_integer(told, "bytes"),
        difference=_amount(told, "maxDifference"),
        latency=_latency(told.get("latencySeconds")),
        batch_latency=_latency(told.get("batchLatencySeconds")),
    )


def _latency(told: Any) -> findings.Latency | None:
    if not isinstance(told, dict) or not (samples := _integer(told, "samples")):
        return None
    return findings.Latency(samples, _amount(told, "p50"), _amount(told, "p95"))


def _traces(told: Any) -> tuple[str, ...]:
    found = told[:MAX_TRACES] if isinstance(told, list) else []
    return tuple(path for each in found if (path := _path(each)))


def _warnings(told: Any) -> tuple[str, ...]:
    found = told[:MAX_WARNINGS] if isinstance(told, list) else []
    return tuple(_clean(each, MAX_WARNING) for each in found if isinstance(each, str))


def _tested(told: Any) -> findings.Tested | None:
    if not isinstance(told, dict) or not (steps := _integer(told, "steps")):
        return None
    seconds = told.get("stepSeconds")
    known = seconds if isinstance(seconds, dict) else {}
    return findings.Tested(
        steps=steps,
        p50=_amount(known, "p50"),
        p95=_amount(known, "p95"),
        samples_per_second=_amount(told, "samplesPerSecond"),
        data_wait_ratio=_amount(told, "dataWaitRatio"),
        parameters=_integer(told, "parameters") or None,
        flops=_integer(told, "flops") or None,
        utilisation=_amount(told, "utilisation"),
    )


def _path(value: Any) -> str:
    """Return a path that leads nowhere but below its folder; nothing where it is none."""
    if not isinstance(value, str) or len(value) > MAX_PATH or not _PATH.fullmatch(value):
        return ""
    return value


def _amount(document: Mapping[str, Any], name: str) -> float | None:
    number = _number(document, name)
    return number if number is not None and number >= 0 else None


def _number(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _moment(document: Mapping[str, Any], name: str) -> float | None:
    seconds = _number(document, name)
    return seconds if seconds is not None and 0 < seconds < END_OF_CALENDAR else None


def _integer(document: Mapping[str, Any], name: str) -> int:
    number = _number(document, name)
    # The status holds int64; what is larger is no count.
    return int(number) if number is not None and 0 <= number < 2**62 else 0


def _text(document: Mapping[str, Any], name: str, limit: int) -> str:
    value = document.get(name)
    return _clean(value, limit) if isinstance(value, str) else ""


def _clean(value: str, limit: int) -> str:
    # Lone surrogates are valid JSON but no valid UTF-8: the API server refuses them.
    return value[:limit].encode("utf-8", "replace").decode("utf-8")


def _metrics(value: Any) -> Mapping[str, float]:
    if not isinstance(value, dict):
        return {}
    found: dict[str, float] = {}
    for name in list(value)[:MAX_METRICS]:
        number = _number(value, name)
        if number is not None and isinstance(name, str) and name.isascii():
            found[name[:64]] = number
    return found
