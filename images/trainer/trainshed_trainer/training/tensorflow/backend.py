"""A model, its optimiser and its data in TensorFlow, as the loop knows them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainshed_trainer import schema
from trainshed_trainer.models.tensorflow import registry
from trainshed_trainer.training import backends, ranks, weights
from trainshed_trainer.training.tensorflow import (
    devices,
    feeding,
    losses,
    optimizers,
    processes,
    states,
    stepping,
)


def open(
    spec: schema.Spec, prepared: backends.Prepared, *, among: ranks.Ranks = ranks.ALONE
) -> Backend:
    """Return a backend that trains what the spec says on prepared data."""
    return Backend(spec, prepared, among=among)


class Backend:
    """Trains one model on one device, together with the other processes of the job."""

    def __init__(
        self, spec: schema.Spec, prepared: backends.Prepared, *, among: ranks.Ranks
    ) -> None:
        asked = spec.training
        self._among = among
        self._size = asked.batch_size
        self._classes = len(prepared.classes)
        self._device = devices.choose(asked, local=among.local)
        self._processes = processes.join(among)
        keras.utils.set_random_seed(asked.seed)
        with self._device.building():
            self._model = registry.build(spec.model, prepared.train.shape, self._classes)
        learned = [each.value for each in self._model.trainable_variables]
        self._updater = optimizers.Updater(
            asked.optimizer, learned, scaling=self._device.precision == "fp16"
        )
        self._train = feeding.feed(prepared.train)
        self._held = feeding.feed(prepared.held)
        self._held_portions = backends.held_portions(
            prepared.held, trained=self._size // among.world, among=among
        )
        self._stepper = stepping.Stepper(
            self._model,
            self._updater,
            self._loss_of(asked.loss, prepared.train),
            self._train,
            self._processes,
            compiled=devices.compiles(asked.compile),
        )
        self._evaluator = stepping.Evaluator(self._model, self._held, self._processes)
        self._seeds = states.seeds(self._model)
        self._differ(among.rank)

    @property
    def info(self) -> Mapping[str, str]:
        """framework, framework_version, device, dtype."""
        return {
            "framework": "tensorflow",
            "framework_version": tf.__version__,
            "device": self._device.name,
            "dtype": self._device.dtype,
        }

    @property
    def model(self) -> keras.Model:
        """Return the model itself."""
        return self._model

    @property
    def traces(self) -> int:
        """Return how often a step's graph was made."""
        return self._stepper.traces

    def batches(self, order: ranks.Numbers, *, epoch: int) -> Generator[feeding.Batch, None, None]:
        """Yield this process's part of each step of an epoch, or of what is left of it."""
        portions = list(ranks.portions(order, size=self._size, ranks=self._among))
        return self._train.batches(portions, epoch=epoch)

    def step(self, batch: feeding.Batch, rate: float) -> Any:
        """Take one optimiser step; return the loss of all processes' samples."""
        with self._processes.watched():
            return self._stepper.step(batch, rate)

    def evaluate(self) -> dict[str, float]:
        """Return accuracy and mean cross entropy on the held-out split, of all processes."""
        batches = self._held.batches(self._held_portions, epoch=0)
        with self._processes.watched():
            right, lost, count = self._evaluator.sums(batches)
        return {"accuracy": right / count, "loss": lost / count}

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        """Return whether any process was told to stop, and `due`: each has the state of all."""
        return (self._stepper.stops(told) if self._among.world > 1 else told), due

    def led(self, number: int) -> int:
        """Return the first process's number."""
        with self._processes.watched():
            return int(self._evaluator.total((number if self._among.first else 0, 0, 0))[0])

    def state(self) -> Mapping[str, bytes]:
        """Return model, optimizer and random state, of which the others' differ by the rank."""
        return {
            "model": states.packed(states.weights(self._model)),
            "optimizer": states.packed(self._updater.state),
            "random": states.packed(self._seeds),
        }

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Take over what is given of a state; raises ValueError where it does not fit."""
        if "model" in state:
            states.unpacked(state["model"], states.weights(self._model))
        if "optimizer" in state:
            states.unpacked(state["optimizer"], self._updater.state)
        if "random" in state:
            states.unpacked(state["random"], self._seeds)
            self._differ(self._among.rank)

    def part(self) -> None:
        """Wait until every process has what it needs of the others."""
        self._processes.part()

    def close(self) -> None:
        """There is nothing to end: the others see it when this process does."""

    def _differ(self, rank: int) -> None:
        """Have this process drop other units than the first one."""
        for seed in self._seeds:
            seed.assign_add(np.array([rank, 0]))

    def _loss_of(self, asked: schema.Loss, train: backends.Split) -> losses.Loss:
        weighed = None
        if asked.class_weights == "balanced":
            weighed = weights.balanced(train.labels, self._classes)
        gamma = asked.gamma if asked.name == "focal" else None
        return losses.build(asked.label_smoothing, weights=weighed, gamma=gamma)
