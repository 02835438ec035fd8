"""The losses, for each sample: their mean is that of a batch, so that parts of one add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

LEAST = 1e-6
"""What a sample weighs at least in the focal loss; below, a power has no finite slope."""
Tensor = Any
Loss = Callable[[Tensor, Tensor], Tensor]


def entropy(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the cross entropy (n,) of logits (n, classes) for targets (n,)."""
    plain = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    if not smoothing:
        return plain
    # The same share of each class: the mean of all classes' cross entropies.
    spread = tf.reduce_logsumexp(logits, axis=1) - tf.reduce_mean(logits, axis=1)
    return (1.0 - smoothing) * plain + smoothing * spread


def build(smoothing: float, *, weights: NDArray[np.float32] | None, gamma: float | None) -> Loss:
    """Return the loss; `weights` (classes,) and `gamma` are None where there are none."""

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        each = entropy(logits, targets, smoothing=smoothing)
        if gamma is not None:
            plain = entropy(logits, targets) if smoothing else each
            each *= tf.maximum(1.0 - tf.exp(-plain), LEAST) ** gamma
        if weights is not None:
            each *= tf.gather(weights, targets)
        return each

    return loss
