"""A data set of arrays that lie in memory, as the backends take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ArraySplit:
    """Inputs (n, *shape) and labels (n,) of one split."""

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one input."""
        return self.inputs.shape[1:]

    def whole(self) -> NDArray[np.float32] | None:
        """Return all inputs."""
        return self.inputs

    def batch(self, numbers: NDArray[np.int64], *, epoch: int) -> NDArray[np.float32]:
        """Return the inputs of these numbers."""
        return self.inputs[numbers]


@dataclass(frozen=True, slots=True)
class ArrayData:
    """Two splits, and the names of their classes."""

    train: ArraySplit
    held: ArraySplit
    classes: tuple[str, ...]
