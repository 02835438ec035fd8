"""`Run` as a callback of Hugging Face's `Trainer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers  # type: ignore[import-not-found]

from trainshed_trainer import run
from trainshed_trainer.callbacks import stepping

OF_EVALUATION = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
"""What the library tells of the evaluation itself, and not of the model."""


class TrainshedCallback(transformers.TrainerCallback):  # type: ignore[misc]
    """Counts and tells of a `train`, and ends it where the run is told to stop.

        with Run() as run:
            callback = TrainshedCallback(run)
            Trainer(model, arguments, train_dataset=clips, callbacks=[callback]).train()

    A step has `per_device_train_batch_size` samples of each device and accumulated batch.
    """

    def __init__(self, telling: run.Run) -> None:
        self._telling = telling
        self._steps = stepping.Stepping(telling)

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Tell framework and device."""
        version = transformers.__version__
        self._telling.describe(
            framework="transformers", framework_version=version, device=str(args.device)
        )

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Tell the epoch."""
        self._telling.epoch(int(state.epoch or 0) + 1)
        self._steps.rest()

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Begin a step."""
        self._steps.begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """End a step."""
        samples = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        if not self._steps.end(samples=samples):
            control.should_training_stop = True

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **given: Any
    ) -> None:
        """Tell loss and learning rate: the library has them every `logging_steps`."""
        self._telling.log(loss=logs.get("loss"), learning_rate=logs.get("learning_rate"))

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], **given: Any
    ) -> None:
        """Tell what was evaluated."""
        known = {name: value for name, value in metrics.items() if name not in OF_EVALUATION}
        self._telling.evaluate(**stepping.told(known, prefix="eval_"))
        self._steps.rest()

    def on_save(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Leave a save out of the wait for data."""
        self._steps.rest()

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look at the last loss."""
        self._telling.check_loss()
