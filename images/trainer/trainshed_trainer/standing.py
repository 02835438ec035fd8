"""How a run stands: what its bar, its pushes and its account tell. It does nothing by itself."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from trainshed_trainer import accounts, counting


@dataclass(slots=True)
class Standing:
    """What is known of a run so far. Times are Unix seconds."""

    total: int | None = None
    """Steps until the end, where known."""
    counts: counting.Counts = field(default_factory=counting.Counts)
    started: float = field(default_factory=time.time)
    epoch: int = 0
    loss: Any = None
    """The last one, or what `float` makes it of; that may wait for a device."""
    rate: float | None = None
    """The last learning rate."""
    evaluated: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    """Evaluation metrics that were one name too many."""
    held_out_loss: float | None = None
    """The loss of the last evaluation."""
    resumed: int | None = None
    """The step of the checkpoint that the run goes on from; 0: it began anew; None: it has none."""
    kept: int | None = None
    """The step of the last whole checkpoint."""
    target_seconds: float | None = None
    """Seconds of the run until its target was reached."""
    recorded: dict[str, Any] = field(default_factory=dict)
    """What was found after training, by its name in the account."""
    warnings: list[str] = field(default_factory=list)
    """What went wrong beside the training."""

    @property
    def step(self) -> int:
        """Return the steps done, with those of earlier attempts."""
        return (self.resumed or 0) + self.counts.steps

    @property
    def done(self) -> bool:
        """Whether all steps are done, where it is known how many there are."""
        return bool(self.total) and self.step >= (self.total or 0)

    def share(self) -> float | None:
        """Return how much is done, 0 to 1, where that is known."""
        return self.step / self.total if self.total else None

    def loss_value(self) -> float:
        """Return the loss, on any thread; NaN where there is none."""
        try:
            return float("nan") if self.loss is None else float(self.loss)
        except (TypeError, ValueError, RuntimeError):
            return float("nan")

    def finite_loss(self) -> float | None:
        """Return the loss; None where there is none, or none that is a number."""
        value = self.loss_value()
        return value if math.isfinite(value) else None

    def shown(self) -> str:
        """Return what a person sees."""
        parts = [f"step {self.step}", f"{self.counts.samples_per_second:.0f} samples/s"]
        if (loss := self.finite_loss()) is not None:
            parts.append(f"loss {loss:.4f}")
        parts += [f"{name} {value:.4f}" for name, value in self.evaluated.items()]
        return "  ".join(parts)

    def progress(self) -> dict[str, Any]:
        """Return the body of a push."""
        counts = self.counts
        return {
            "step": self.step,
            "totalSteps": self.total,
            "epoch": self.epoch,
            "samplesPerSecond": counts.recent_samples_per_second(),
            "stepSeconds": {
                "p50": counts.step_percentile(0.5),
                "p95": counts.step_percentile(0.95),
            },
            "dataWaitRatio": counts.data_wait_ratio(),
            **self._figures(),
        }

    def account(self) -> dict[str, Any]:
        """Return the figures of an account; how the run ended is not in it."""
        counts = self.counts
        return {
            "v": 1,
            "steps": self.step,
            "epochs": self.epoch,
            "samplesPerSecond": counts.samples_per_second,
            "heldOutLoss": self.held_out_loss,
            **self._figures(),
            **self.recorded,
            **({"warnings": self.warnings[: accounts.MAX_WARNINGS]} if self.warnings else {}),
        }

    def _figures(self) -> dict[str, Any]:
        """Return what pushes and the account have in common."""
        counts = self.counts
        found: dict[str, Any] = {
            "samples": counts.samples,
            "trainingSeconds": counts.training_seconds,
            "loss": self.finite_loss(),
            "metrics": dict(self.evaluated),
            "startTime": self.started,
            "firstStepTime": counts.first_step_time,
            "firstStepSeconds": counts.first_step_seconds,
        }
        if self.kept is not None:
            found["checkpoint"] = {"lastStep": self.kept, "resumedFromStep": self.resumed or 0}
        if self.target_seconds is not None:
            found["timeToTargetSeconds"] = self.target_seconds
        return found
