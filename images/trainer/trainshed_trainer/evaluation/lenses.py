"""What a framework tells of a model that a person looks into."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer import schema
from trainshed_trainer.training import backends

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the model. `shape`: of its output for one sample, in the framework's order.

    `after`: the layers whose outputs it takes; without any, it takes the model's input.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    after: tuple[str, ...] = ()


class Lens(Protocol):
    """A trained model, in full precision."""

    def probabilities(self, inputs: Array) -> Array:
        """Return (n, classes) for normalised inputs (n, *shape)."""

    def saliency(self, inputs: Array, labels: NDArray[np.int64]) -> Array:
        """Return gradient times input (n, *shape): what speaks for each label."""

    def attention(self, inputs: Array) -> Array | None:
        """Return (n, rows, columns): the share of the model's attention that each place has.

        It is the mean over heads and over the places that look. None where a model has none.
        """

    def layers(self) -> list[Layer]:
        """Return the layers in order."""

    def parameters(self) -> int:
        """Return how many numbers are learned."""

    def flops(self) -> int:
        """Return the operations of one sample's forward pass, as the framework counts them."""


def take(spec: schema.Spec, prepared: backends.Prepared, trained: backends.Backend) -> Lens:
    """Return the lens of the spec's framework on a trained model."""
    framework = importlib.import_module(f"trainshed_trainer.evaluation.{spec.framework}")
    found: Lens = framework.Lens(spec, prepared, trained)
    return found
