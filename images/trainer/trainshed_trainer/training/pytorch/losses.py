"""The losses: each is a mean over samples, so that parts of a batch add up."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

LEAST = 1e-6
"""What a sample weighs at least in the focal loss; below, a power has no finite slope."""
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Weighed:
    """Cross entropy in which samples weigh by their class, or by how far off the model is."""

    smoothing: float
    weights: torch.Tensor | None
    gamma: float | None

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (n, classes) for targets (n,)."""
        each = _entropy(logits, targets, label_smoothing=self.smoothing)
        if self.gamma is not None:
            plain = _entropy(logits, targets) if self.smoothing else each
            each = each * (1 - torch.exp(-plain)).clamp_min(LEAST) ** self.gamma
        if self.weights is not None:
            each = each * self.weights[targets]
        return each.mean()


_entropy = functools.partial(nn.functional.cross_entropy, reduction="none")


def build(smoothing: float, *, weights: torch.Tensor | None, gamma: float | None) -> Loss:
    """Return the loss; `weights` (classes,) and `gamma` are None where there are none."""
    if weights is None and gamma is None:
        return functools.partial(nn.functional.cross_entropy, label_smoothing=smoothing)
    return Weighed(smoothing, weights, gamma)
