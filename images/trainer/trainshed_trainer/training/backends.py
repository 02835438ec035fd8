"""What a framework brings to the loop: all that the loop must not know of it."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer.training import ranks

LARGEST_EVALUATED = 1024
EVALUATED_BYTES = 4 * 2**20
"""Inputs that are evaluated at once; what a model makes of them is tens of times as large."""


class Split(Protocol):
    """One division of the data set, as a backend is fed with it."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,), each below the number of classes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of an image, (frames, channels, height, width) of a clip."""

    def whole(self) -> NDArray[np.float32] | None:
        """Return all inputs (n, *shape), best with channels last in memory.

        None where they are not to be held in memory.
        """

    def batch(self, numbers: NDArray[np.int64], *, epoch: int) -> NDArray[np.float32]:
        """Return the inputs of these numbers (k, *shape), best with channels last in memory."""


class Statistics(Protocol):
    """What the inputs are normalised by."""

    def to_dict(self) -> Mapping[str, Sequence[float]]:
        """Return mean and deviation, in this order: one number a channel each."""


class Prepared(Protocol):
    """A data set in two splits."""

    @property
    def train(self) -> Split:
        """What is trained on."""

    @property
    def held(self) -> Split:
        """What is held out, for evaluation."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""

    @property
    def statistics(self) -> Statistics | None:
        """What the training split was measured as; None where it was not."""


class Batch(Protocol):
    """One step's inputs and labels, on the device."""

    @property
    def samples(self) -> int:
        """How many samples the step has in all processes together."""


class Backend(Protocol):
    """A model and its optimiser in some framework."""

    @property
    def info(self) -> Mapping[str, str]:
        """framework, framework_version, device, dtype."""

    def batches(
        self, order: ranks.Numbers, *, epoch: int
    ) -> Generator[Any, None, None]:  # of Batch
        """Yield this process's part of each step of an epoch, or of what is left of it.

        `order`: sample numbers of all processes, cut by `ranks.portions`. Closing the generator
        ends whatever feeds it.
        """

    def step(self, batch: Any, rate: float) -> Any:
        """Take one optimiser step; return the loss, of which `float` may wait for the device."""

    def evaluate(self) -> dict[str, float]:
        """Return accuracy and loss on the held-out split, the same in all processes."""

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        """Return whether any process was told to stop, and whether this one is to keep its state.

        `due`: whether a checkpoint is due here. Called before each step. All processes stop at the
        same call, which may be the one after. Where `state` is a matter of all, all keep at once.
        """

    def led(self, number: int) -> int:
        """Return the first process's number, in all processes; each has to call."""

    def state(self) -> Mapping[str, bytes]:
        """Return what a resume needs, of all processes: model, optimizer, random.

        All processes call it at the same step, unless `stops` told this one alone to.
        """

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Take over what is given of a state; raises ValueError where it does not fit."""

    def part(self) -> None:
        """Wait until no process needs another any more; each that has come to its end calls it."""

    def close(self) -> None:
        """End what the backend has begun, such as its group of processes."""


def at_once(shape: Sequence[int], *, most: int = LARGEST_EVALUATED) -> int:
    """Return how many inputs of a shape there is memory to evaluate at once, from 1 to `most`."""
    return max(1, min(most, EVALUATED_BYTES // (4 * math.prod(shape))))


def held_portions(split: Split, *, trained: int, among: ranks.Ranks) -> list[ranks.Portion]:
    """Return this process's part of the held-out samples, cut into batches.

    `trained`: this process's samples of a training step, for which there is room.
    """
    size = max(trained, at_once(split.shape))
    own = ranks.share(len(split.labels), among)
    parts = [own[at : at + size] for at in range(0, len(own), size)]
    return [ranks.Portion(part, len(part)) for part in parts]
