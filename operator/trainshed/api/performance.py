"""How fast a job is: the seconds of its steps, and what its performance test has measured."""

from __future__ import annotations

import pydantic

from trainshed.api import base


class StepSeconds(base.Model):
    """Seconds of a step over a recent window."""

    p50: float | None = pydantic.Field(default=None, description="The median.")
    p95: float | None = pydantic.Field(default=None, description="The 95th percentile.")


class PerformanceStatus(base.Model):
    """What the performance test has measured: steps of training, without warm-up."""

    steps: int = pydantic.Field(description="Steps that were timed.")
    step_seconds: StepSeconds | None = pydantic.Field(
        default=None, description="Seconds of a step with its wait for data."
    )
    samples_per_second: float | None = pydantic.Field(
        default=None, description="Samples a second of the whole job."
    )
    data_wait_ratio: float | None = pydantic.Field(
        default=None, description="Share of the time spent waiting for data."
    )
    parameters: int | None = pydantic.Field(
        default=None, description="Numbers that the model learns."
    )
    forward_flops: int | None = pydantic.Field(
        default=None,
        description="Operations of one sample's forward pass; a training step has three times as "
        "many a sample.",
    )
    mfu: float | None = pydantic.Field(
        default=None,
        description="Share of the devices' peak that the model's operations make up; where the "
        "variable TRAINSHED_PEAK_FLOPS says what the peak is.",
    )
