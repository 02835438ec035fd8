"""Which samples each step has, from the first step to the last. Pure, the same everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainshed_trainer import errors, schema
from trainshed_trainer.training import ranks, schedules


@dataclass(frozen=True, slots=True)
class Course:
    """The steps of a run: `samples` in each epoch, cut into steps of `size`."""

    samples: int
    size: int
    epoch_steps: int
    total_steps: int
    seed: int
    optimizer: schema.Optimizer

    @property
    def epochs(self) -> int:
        """Return how many epochs are begun."""
        return math.ceil(self.total_steps / self.epoch_steps)

    def epoch(self, step: int) -> int:
        """Return the epoch, from 1, in which so many steps are done; before any, the first."""
        return max(1, math.ceil(step / self.epoch_steps))

    def order(self, epoch: int, *, done: int) -> ranks.Numbers:
        """Return what is left of an epoch's samples, in order, after `done` steps of the run."""
        begun = (epoch - 1) * self.epoch_steps
        whole = np.random.default_rng([self.seed, epoch]).permutation(self.samples)
        end = min(self.epoch_steps, self.total_steps - begun) * self.size
        return whole[(done - begun) * self.size : end]

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, from 0."""
        asked = self.optimizer
        return asked.learning_rate * schedules.factor(
            step, schedule=asked.schedule, warmup=asked.warmup_steps, total=self.total_steps
        )


def plan(asked: schema.Training, *, samples: int, world: int = 1) -> Course:
    """Return the course of a run; raises where the batch does not fit."""
    ranks.check(asked.batch_size, world)
    if asked.batch_size > samples:
        raise errors.DataError(
            f"training.batchSize is {asked.batch_size}, but the training split has {samples}"
            f" samples: set batchSize to {samples} or less",
            reason="BatchTooLarge",
        )
    epoch_steps = ranks.steps(samples, size=asked.batch_size, world=world)
    total = asked.max_steps or (asked.epochs or 1) * epoch_steps
    return Course(samples, asked.batch_size, epoch_steps, total, asked.seed, asked.optimizer)
