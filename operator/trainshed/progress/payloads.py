"""The body of a push: strict, bounded, and mapped onto what the core knows as Progress."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
from pydantic import alias_generators

from trainshed.core import accounts, observed, reports
from trainshed.progress import refusals

MAX_BYTES = 16 * 1024
MAX_METRICS = 10
MAX_COUNT = 2**62
"""The status holds int64."""
LATEST_TIME = 4_102_444_800.0
"""The year 2100: a later time is none, and might not be printable."""
METRIC_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,63}")

Count = Annotated[int, pydantic.Field(ge=0, le=MAX_COUNT)]
Amount = Annotated[float, pydantic.Field(ge=0)]
Time = Annotated[float, pydantic.Field(ge=0, le=LATEST_TIME)]


class Section(pydantic.BaseModel):
    """Unknown fields are ignored: a newer training library may push to an older operator."""

    model_config = pydantic.ConfigDict(
        alias_generator=alias_generators.to_camel,
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        extra="ignore",
    )


class StepSeconds(Section):
    """Seconds of a step over a recent window."""

    p50: Amount | None = None
    p95: Amount | None = None


class Checkpoint(Section):
    """Up to which step a run is kept, and at which it went on."""

    last_step: Count = 0
    resumed_from_step: Count = 0


class Payload(Section):
    """What rank 0 says of its job, or a fold of itself. Times are Unix seconds."""

    attempt: Annotated[int, pydantic.Field(ge=1, le=2**31)]
    sequence: Count
    step: Count = 0
    total_steps: Count | None = None
    epoch: Count = 0
    samples: Count = 0
    training_seconds: Amount = 0.0
    samples_per_second: Amount = 0.0
    step_seconds: StepSeconds | None = None
    # A quotient of two sums may be one by more than a hair.
    data_wait_ratio: Annotated[float, pydantic.Field(ge=0, le=1.01)] | None = None
    loss: float | None = None
    metrics: dict[str, float | None] = {}
    start_time: Time | None = None
    first_step_time: Time | None = None
    first_step_seconds: Amount | None = None
    checkpoint: Checkpoint | None = None
    account: dict[str, Any] | None = None


def read(
    body: bytes, pod: observed.PodView, last: reports.Progress | None, now: float
) -> reports.Progress:
    """Return the progress that a body tells; raises Refused. `last` is not used."""
    try:
        payload = Payload.model_validate_json(body)
    except pydantic.ValidationError as error:
        raise bad(describe(error)) from error
    if payload.attempt != pod.attempt:
        raise bad(f"attempt is {payload.attempt}, but the pod's is {pod.attempt}")
    account = None
    if payload.account is not None:
        account = accounts.read(payload.account)
        if account is None:
            raise bad("account.outcome must be succeeded, failed or stopped")
    return _progress(payload, account, pod=pod, now=now)


def _progress(
    payload: Payload, account: reports.Account | None, *, pod: observed.PodView, now: float
) -> reports.Progress:
    seconds = payload.step_seconds or StepSeconds()
    kept = payload.checkpoint
    return reports.Progress(
        pod_uid=pod.uid,
        fold=pod.fold,
        attempt=payload.attempt,
        sequence=payload.sequence,
        received=now,
        step=payload.step,
        total_steps=payload.total_steps,
        epoch=payload.epoch,
        samples=payload.samples,
        training_seconds=payload.training_seconds,
        samples_per_second=payload.samples_per_second,
        step_seconds_p50=seconds.p50,
        step_seconds_p95=seconds.p95,
        data_wait_ratio=None
        if payload.data_wait_ratio is None
        else min(1.0, payload.data_wait_ratio),
        loss=payload.loss,
        metrics=fit_metrics(payload.metrics),
        start_time=payload.start_time,
        first_step_time=payload.first_step_time,
        first_step_seconds=payload.first_step_seconds,
        checkpoint=reports.Checkpoint(kept.last_step, kept.resumed_from_step) if kept else None,
        account=account,
    )


def fit_metrics(told: Mapping[str, float | None]) -> dict[str, float]:
    """Return the first metrics that have a value and a name that can be a label.

    The names are the user's: one that does not fit must not cost the rest of the push.
    """
    fit = {
        name: value
        for name, value in told.items()
        if value is not None and METRIC_NAME.fullmatch(name)
    }
    return dict(list(fit.items())[:MAX_METRICS])


def bad(message: str) -> refusals.Refused:
    """Return the refusal of a body."""
    return refusals.Refused(refusals.Result.BAD_PAYLOAD, message)


def describe(error: pydantic.ValidationError) -> str:
    """Return the first fault in one short sentence, without the value that has it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(each) for each in first["loc"])
    return f"{place}: {first['msg']}"[:200] if place else str(first["msg"])[:200]
