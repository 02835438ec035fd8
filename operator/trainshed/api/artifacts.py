"""`status.artifacts`: the files that a job has left on its volumes."""

from __future__ import annotations

import pydantic

from trainshed.api import base


class Latency(base.Model):
    """Seconds of a call of an exported model, by itself on the job's processors."""

    samples: int = pydantic.Field(description="Samples that a call has.")
    p50: float | None = pydantic.Field(default=None, description="The median.")
    p95: float | None = pydantic.Field(default=None, description="The 95th percentile.")


class Exported(base.Model):
    """A file of the trained model."""

    format: str = pydantic.Field(description="What it is, of export.formats.")
    path: str = pydantic.Field(description="Its folder on export.volume.")
    bytes: int = pydantic.Field(description="Bytes of all that is in the folder.")
    max_difference: float | None = pydantic.Field(
        default=None,
        description="Largest difference of its logits from the trained model's, on held-out "
        "samples.",
    )
    latency_seconds: Latency | None = pydantic.Field(
        default=None, description="With one sample; with export.benchmark."
    )
    batch_latency_seconds: Latency | None = pydantic.Field(
        default=None, description="With many samples; with export.benchmark."
    )


class Artifacts(base.Model):
    """What a job has left on its volumes; paths are from the volume's root."""

    report: str | None = pydantic.Field(
        default=None, description="The report, on visualization.volume."
    )
    exports: list[Exported] | None = pydantic.Field(
        default=None, max_length=3, description="The trained model's files."
    )
    traces: list[str] | None = pydantic.Field(
        default=None, max_length=8, description="Files of the profiler, on visualization.volume."
    )
