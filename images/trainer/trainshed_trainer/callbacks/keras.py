"""`Run` as a callback of Keras' `fit`, for one process."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras

from trainshed_trainer import run
from trainshed_trainer.callbacks import stepping


class TrainshedCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts and tells of a `fit`, and ends it where the run is told to stop.

        with Run() as run:
            callback = TrainshedCallback(run, batch_size=64, samples=len(x))
            model.fit(x, y, batch_size=64, validation_data=held, callbacks=[callback])

    Keras tells a callback nothing of its batches: `batch_size` is in samples, and `samples` are
    those of an epoch, by which the last batch is told to be smaller.
    """

    def __init__(self, telling: run.Run, *, batch_size: int, samples: int | None = None) -> None:
        super().__init__()
        self._telling = telling
        self._steps = stepping.Stepping(telling)
        self._batch_size = batch_size
        self._samples = samples
        self._first = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Tell the framework."""
        self._telling.describe(framework="keras", framework_version=keras.__version__)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tell the epoch."""
        self._telling.epoch(epoch + 1)
        self._steps.rest()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Begin a step."""
        self._first = batch
        self._steps.begin()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """End a step, or all of `steps_per_execution`."""
        self._telling.log(loss=(logs or {}).get("loss"))
        samples = self._until(batch + 1) - self._until(self._first)
        # Keras names the step that it might have come to, not the last one that there was.
        steps = max(1, math.ceil(samples / self._batch_size))
        if not self._steps.end(samples=samples, steps=steps):
            self.model.stop_training = True

    def on_test_end(self, logs: Any = None) -> None:
        """Leave an evaluation out of the wait for data."""
        self._steps.rest()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Tell what was evaluated."""
        self._telling.evaluate(**stepping.told(logs or {}, prefix="val_"))

    def on_train_end(self, logs: Any = None) -> None:
        """Look at the last loss."""
        self._telling.check_loss()

    def _until(self, steps: int) -> int:
        """Return the samples of so many steps of an epoch."""
        whole = steps * self._batch_size
        return whole if self._samples is None else min(self._samples, whole)
