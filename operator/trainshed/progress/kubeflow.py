"""Kubeflow Trainer's payload (its KEP-2779), as its SDK and Hugging Face's callback send it.

They are taken as they are, so this reads what it can and leaves out the rest. The payload has
no sequence: pushes are ordered by arrival, and fields that it can't tell stay as they were.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import pydantic

from trainshed.core import observed, reports
from trainshed.progress import payloads

MAX_ENTRIES = 256
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class Metric(payloads.Section):
    """One metric; its value is text."""

    name: str
    value: str


class TrainerStatus(payloads.Section):
    """What Kubeflow calls the trainer's status. `lastUpdatedTime` is not used."""

    progress_percentage: Annotated[float, pydantic.Field(ge=0, le=100)] | None = None
    estimated_remaining_seconds: Annotated[float, pydantic.Field(ge=0, le=2**31)] | None = None
    metrics: Annotated[list[Metric], pydantic.Field(max_length=MAX_ENTRIES)] | None = None


class Payload(payloads.Section):
    """The body."""

    trainer_status: TrainerStatus | None = None


def read(
    body: bytes, pod: observed.PodView, last: reports.Progress | None, now: float
) -> reports.Progress:
    """Return the progress that a body adds to the pod's last one; raises Refused."""
    try:
        told = Payload.model_validate_json(body).trainer_status or TrainerStatus()
    except pydantic.ValidationError as error:
        raise payloads.bad(payloads.describe(error)) from error
    known = last if last is not None and last.pod_uid == pod.uid else None
    base = known or reports.Progress(
        pod_uid=pod.uid, attempt=pod.attempt, sequence=0, received=now, fold=pod.fold
    )
    metrics = dict(_sound(told.metrics or ()))
    step, total = metrics.pop("current_step", None), metrics.pop("total_steps", None)
    epoch, loss = metrics.pop("current_epoch", None), metrics.pop("loss", None)
    percent, remaining = told.progress_percentage, told.estimated_remaining_seconds
    return dataclasses.replace(
        base,
        received=now,
        step=_count(step, base.step),
        total_steps=_count(total, 0) or base.total_steps,
        epoch=_count(epoch, base.epoch),
        loss=base.loss if loss is None else loss,
        metrics=payloads.fit_metrics({**metrics, **base.metrics, **metrics}),
        percent=base.percent if percent is None else percent,
        estimated_remaining_seconds=(
            base.estimated_remaining_seconds if remaining is None else remaining
        ),
    )


def _sound(metrics: Sequence[Metric]) -> Iterator[tuple[str, float]]:
    for each in metrics:
        if len(each.value) <= 64 and _NUMBER.fullmatch(each.value):
            value = float(each.value)
            if math.isfinite(value):
                yield each.name, value


def _count(value: float | None, known: int) -> int:
    return int(value) if value is not None and 0 <= value <= payloads.MAX_COUNT else known
