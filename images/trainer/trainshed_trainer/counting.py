"""Counts of a run: samples, steps and where their seconds went.

Time is handed in. Training seconds are steps and their waits for data; evaluation, start-up and
what lies between two loops are in no count.
"""

from __future__ import annotations

import bisect
import collections
from dataclasses import dataclass, field

WINDOW = 256
"""Steps that the recent speed and the percentiles are of."""
BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Seconds up to which a step is of each class; one more is of all that take longer."""


@dataclass(slots=True)
class Counts:
    """Totals since the start, and the last steps. Seconds and samples of this process."""

    samples: int = 0
    steps: int = 0
    step_seconds: float = 0.0
    data_wait_seconds: float = 0.0
    first_step_time: float | None = None
    """Unix time of the end of the first step."""
    first_step_seconds: float | None = None
    """What it took, with its wait for data."""
    recent: collections.deque[tuple[float, float, int]] = field(
        default_factory=lambda: collections.deque(maxlen=WINDOW)
    )
    """(step seconds, wait seconds, samples) of the last steps."""
    classes: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """How many steps are of each class of BOUNDS."""

    def add(self, *, step: float, wait: float, samples: int) -> None:
        """Count one step."""
        self.samples += samples
        self.steps += 1
        self.step_seconds += step
        self.data_wait_seconds += wait
        self.recent.append((step, wait, samples))
        self.classes[bisect.bisect_left(BOUNDS, step)] += 1

    @property
    def training_seconds(self) -> float:
        """Return the seconds of steps and their waits for data."""
        return self.step_seconds + self.data_wait_seconds

    @property
    def samples_per_second(self) -> float:
        """Return samples a second over the whole run."""
        return self.samples / self.training_seconds if self.training_seconds > 0 else 0.0

    def recent_samples_per_second(self) -> float:
        """Return samples a second over the last steps."""
        rows = tuple(self.recent)
        seconds = sum(step + wait for step, wait, _ in rows)
        return sum(count for _, _, count in rows) / seconds if seconds > 0 else 0.0

    def step_percentile(self, share: float) -> float | None:
        """Return a percentile of the last steps' seconds; None before the first."""
        seconds = sorted(step for step, _, _ in tuple(self.recent))
        return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else None

    def data_wait_ratio(self) -> float | None:
        """Return the share of the last steps' time that was waiting for data."""
        rows = tuple(self.recent)
        total = sum(step + wait for step, wait, _ in rows)
        return sum(wait for _, wait, _ in rows) / total if total > 0 else None
