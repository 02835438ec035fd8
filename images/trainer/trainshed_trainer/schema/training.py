"""`training`: how a built-in model is trained."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainshed_trainer import limits


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The optimiser and the course of its learning rate.

    `momentum` is of sgd and rmsprop. `clip_norm`: the largest norm of all gradients together.
    """

    name: str = limits.one_of("adamw", "adam", "sgd", "rmsprop")
    learning_rate: float = limits.limited(0.002, above=0, at_most=10)
    weight_decay: float = limits.limited(0.01, at_least=0, at_most=1)
    momentum: float = limits.limited(0.9, at_least=0, below=1)
    schedule: str = limits.one_of("cosine", "linear", "constant")
    warmup_steps: int = limits.limited(20, at_least=0, at_most=1_000_000)
    clip_norm: float | None = limits.limited(None, above=0, at_most=1e6)


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss, a mean over samples. `gamma` is of focal.

    `class_weights`: balanced weighs each sample by n / (classes * samples of its class).
    """

    name: str = limits.one_of("crossEntropy", "focal")
    gamma: float = limits.limited(2.0, at_least=0, at_most=10)
    label_smoothing: float = limits.limited(0.0, at_least=0, below=1)
    class_weights: str = limits.one_of("none", "balanced")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the run may stop: accuracy of at least the value, or loss of at most it."""

    value: float = limits.limited(at_least=0, at_most=1e9)
    metric: str = limits.one_of("accuracy", "loss")

    def conflict(self) -> str:
        """Return what the fields are not together."""
        sound = self.metric != "accuracy" or self.value <= 1
        return "" if sound else ".value must be a share, 0 to 1, of an accuracy"

    def reached(self, evaluated: float) -> bool:
        """Return whether a value of the metric is good enough."""
        return evaluated >= self.value if self.metric == "accuracy" else evaluated <= self.value


@dataclass(frozen=True, slots=True)
class Training:
    """Length, batch (of the whole job), optimiser, loss, precision and seed.

    Epochs or max_steps; where neither is given, one epoch.
    """

    epochs: int | None = limits.limited(None, at_least=1, at_most=1_000_000)
    max_steps: int | None = limits.limited(None, at_least=1, at_most=1_000_000_000)
    batch_size: int = limits.limited(64, at_least=1, at_most=1_048_576)
    optimizer: Optimizer = field(default_factory=Optimizer)
    loss: Loss = field(default_factory=Loss)
    precision: str = limits.one_of("auto", "fp32", "bf16", "fp16")
    compile: str = limits.one_of("auto", "always", "never")
    seed: int = limits.limited(0, at_least=0, at_most=limits.LARGEST_SEED)
    target: Target | None = None

    def conflict(self) -> str:
        """Return what the fields are not together."""
        both = self.epochs is not None and self.max_steps is not None
        return " must have epochs or maxSteps, not both" if both else ""
