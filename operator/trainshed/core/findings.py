"""What a run's account tells of the files that it has left and of its tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of a call with so many samples."""

    samples: int
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A file of the trained model. `path`: its folder below the job's own."""

    format: str
    path: str
    bytes: int
    difference: float | None = None
    latency: Latency | None = None
    batch_latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """The performance test's figures."""

    steps: int
    p50: float | None = None
    p95: float | None = None
    samples_per_second: float | None = None
    data_wait_ratio: float | None = None
    parameters: int | None = None
    flops: int | None = None
    """Operations of one sample's forward pass."""
    utilisation: float | None = None
    """Share of the device's peak; None where the peak is not known."""
