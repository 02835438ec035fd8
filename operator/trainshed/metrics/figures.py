"""The series of one TrainingJob, computed from what is observed of it. Pure.

Live figures come from the last push while the job runs, from its status once it is finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pydantic

from trainshed.api import performance, phases, status
from trainshed.core import folds, gangs, joining, observed, progressing, reports, times
from trainshed.metrics import kinds, names

Sample = tuple[kinds.Metric, tuple[str, ...], float]
"""A metric, the values of its own labels, and the value of the series."""

_LIVE = frozenset({"Pending", "Running"})


class _Named(pydantic.BaseModel):
    name: str = ""


class _Kind(pydantic.BaseModel):
    """The two fields of a spec that are labels; the rest of it may be large."""

    framework: str = ""
    model: _Named = _Named()


@dataclass(frozen=True, slots=True)
class _Figures:
    """What is last known of a run, whoever told it."""

    ratio: float | None = None
    step: float | None = None
    target_steps: float | None = None
    samples: float | None = None
    throughput: float | None = None
    loss: float | None = None
    p50: float | None = None
    p95: float | None = None
    data_wait: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


def stored(view: observed.TrainingJobView) -> status.TrainingJobStatus:
    """Return the status as it is stored; an empty one where a newer version wrote it."""
    try:
        return status.TrainingJobStatus.model_validate_json(view.status)
    except pydantic.ValidationError:
        return status.TrainingJobStatus()


def expired(found: status.TrainingJobStatus, *, now: float, retention: float) -> bool:
    """Return whether a job ended so long ago that its series are no longer served."""
    ended = times.parse(found.completion_time)
    return found.phase.finished and ended is not None and now - ended > retention


def samples(seen: observed.Observation, found: status.TrainingJobStatus) -> Iterator[Sample]:
    """Yield the series of a job. What is not known has no series."""
    accelerator = found.placement.type if found.placement else ""
    yield names.INFO, (*_kind(seen.job.spec), accelerator), 1.0
    yield from _state(found)
    yield from _moments(seen.job, found)
    yield names.ACTIVE_PODS, (), float(seen.workload.active if seen.workload else 0)
    for pod in seen.pods:
        if pod.node and pod.phase in _LIVE:
            yield names.POD_INFO, (pod.name, pod.node, accelerator), 1.0
    restarts = max(0, found.attempts.current - 1) if found.attempts else 0
    yield names.RESTARTS, (), float(restarts)
    yield from _run(_figures(seen, found))
    if found.timeline is not None:
        for stage in names.STAGES:
            seconds = getattr(found.timeline, stage)
            if seconds is not None:
                yield names.STARTUP, (stage,), seconds


def _kind(spec: bytes) -> tuple[str, str]:
    try:
        kind = _Kind.model_validate_json(spec)
    except pydantic.ValidationError:
        return "", ""
    return kind.framework, kind.model.name


def _state(found: status.TrainingJobStatus) -> Iterator[Sample]:
    for phase in phases.Phase:
        yield names.PHASE, (phase.value,), 1.0 if phase is found.phase else 0.0
    for condition in found.conditions:
        yield names.CONDITION, (condition.type, condition.status.lower()), 1.0


def _moments(job: observed.TrainingJobView, found: status.TrainingJobStatus) -> Iterator[Sample]:
    moments = {
        names.CREATED: job.created,
        names.STARTED: times.parse(found.start_time),
        names.COMPLETED: times.parse(found.completion_time),
    }
    for metric, moment in moments.items():
        if moment is not None:
            yield metric, (), moment


def _run(known: _Figures) -> Iterator[Sample]:
    plain = {
        names.RATIO: known.ratio,
        names.STEP: known.step,
        names.TARGET_STEPS: known.target_steps,
        names.SAMPLES: known.samples,
        names.THROUGHPUT: known.throughput,
        names.LOSS: known.loss,
        names.DATA_WAIT: known.data_wait,
    }
    for metric, value in plain.items():
        if value is not None:
            yield metric, (), value
    for quantile, seconds in (("0.5", known.p50), ("0.95", known.p95)):
        if seconds is not None:
            yield names.STEP_DURATION, (quantile,), seconds
    for name, value in known.metrics.items():
        yield names.EVAL_METRIC, (name,), value


def _figures(seen: observed.Observation, found: status.TrainingJobStatus) -> _Figures:
    if found.phase.finished:
        return _written(found)
    pushed = seen.progress
    if seen.folds and (parts := folds.of(seen, gangs.of(seen), found)) is not None:
        pushed = joining.progress(parts, found)
    return _written(found) if pushed is None else _pushed(pushed)


def _pushed(pushed: reports.Progress) -> _Figures:
    percent = progressing.percent(pushed)
    return _Figures(
        ratio=None if percent is None else percent / 100,
        step=pushed.step,
        target_steps=pushed.total_steps,
        samples=pushed.samples,
        throughput=pushed.samples_per_second,
        loss=pushed.loss,
        p50=pushed.step_seconds_p50,
        p95=pushed.step_seconds_p95,
        data_wait=pushed.data_wait_ratio,
        metrics=pushed.metrics,
    )


def _written(found: status.TrainingJobStatus) -> _Figures:
    known, result = found.progress, found.result
    if known is None:
        return _Figures()
    seconds = known.step_seconds or performance.StepSeconds()
    return _Figures(
        ratio=None if known.percent is None else known.percent / 100,
        step=known.step,
        target_steps=known.total_steps,
        samples=result.samples if result else None,
        throughput=known.samples_per_second,
        loss=known.loss,
        p50=seconds.p50,
        p95=seconds.p95,
        data_wait=known.data_wait_ratio,
        metrics=known.metrics or {},
    )
