"""What a job tells of itself: pushes while it runs, and the account of its end.

All of it is hostile input until `accounts` and `progress.payloads` have read it. Times: Unix
seconds, or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed.core import findings, identities


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to which step a run is kept, and at which it went on. Steps count from its first run."""

    last_step: int
    resumed_from_step: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """A training process's own account of its run, from the termination message or a push."""

    outcome: str
    exit_code: int
    failure_class: str = ""
    reason: str = ""
    message: str = ""
    log_tail: str = ""
    rank: int = 0
    steps: int = 0
    epochs: int = 0
    samples: int = 0
    corrupt_samples: int = 0
    training_seconds: float = 0.0
    samples_per_second: float = 0.0
    loss: float | None = None
    held_out_loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    start_time: float | None = None
    first_step_time: float | None = None
    first_step_seconds: float | None = None
    end_time: float | None = None
    time_to_target_seconds: float | None = None
    energy_joules: float | None = None
    """Of the GPUs of its pod, from the start of its process to the end."""
    checkpoint: Checkpoint | None = None
    warnings: tuple[str, ...] = ()
    """What went wrong beside the training, and ended no run."""
    report: str = ""
    """The report's path below the job's own folder."""
    exports: tuple[findings.Export, ...] = ()
    traces: tuple[str, ...] = ()
    """Paths below the job's own folder, as the report's."""
    tested: findings.Tested | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """The last push of a job's rank 0, or of one fold of a cross-validation."""

    pod_uid: identities.Uid
    attempt: int
    sequence: int
    received: float
    fold: int | None = None
    step: int = 0
    total_steps: int | None = None
    epoch: int = 0
    samples: int = 0
    training_seconds: float = 0.0
    samples_per_second: float = 0.0
    step_seconds_p50: float | None = None
    step_seconds_p95: float | None = None
    data_wait_ratio: float | None = None
    loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    percent: float | None = None
    """Only where the payload says it (Kubeflow's); else it follows from step and total_steps."""
    estimated_remaining_seconds: float | None = None
    start_time: float | None = None
    first_step_time: float | None = None
    first_step_seconds: float | None = None
    checkpoint: Checkpoint | None = None
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The first failure that a rank pushed: its pod's words may be deleted with it."""

    pod_uid: identities.Uid
    account: Account
    fold: int | None = None
