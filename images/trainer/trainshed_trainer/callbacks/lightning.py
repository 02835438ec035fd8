"""`Run` as a callback of Lightning's `Trainer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed_trainer import errors, run, sizes
from trainshed_trainer.callbacks import stepping

try:
    import lightning.pytorch as lightning  # type: ignore[import-not-found]
except ImportError:  # the same library by its older name
    import pytorch_lightning as lightning  # type: ignore[import-not-found]


class TrainshedCallback(lightning.Callback):  # type: ignore[misc]
    """Counts and tells of a `fit`, and ends it where the run is told to stop.

        with Run() as run:
            Trainer(callbacks=[TrainshedCallback(run)]).fit(model, loader, held_loader)

    A step is one batch; it has as many samples as its first array is long, in each process.
    What the model logs by a name that begins with `val_` is told as the evaluation.
    """

    def __init__(self, telling: run.Run) -> None:
        self._telling = telling
        self._steps = stepping.Stepping(telling)

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Tell framework and device."""
        self._telling.describe(
            framework="lightning",
            framework_version=lightning.__version__,
            device=str(module.device),
        )

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        """Tell the epoch."""
        self._telling.epoch(trainer.current_epoch + 1)
        self._steps.rest()

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, number: int) -> None:
        """Begin a step."""
        self._steps.begin()

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, number: int
    ) -> None:
        """End a step."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        rates = [group["lr"] for each in trainer.optimizers[:1] for group in each.param_groups[:1]]
        self._telling.log(loss=loss, learning_rate=rates[0] if rates else None)
        if not self._steps.end(samples=sizes.of(batch) * trainer.world_size):
            trainer.should_stop = True
        # Lightning takes the signal itself and would end with an error; this tells why it ends.
        if trainer.received_sigterm:
            raise SystemExit(errors.EXIT_STOPPED)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Tell what was evaluated, but for the trial of it before training."""
        if not trainer.sanity_checking:
            self._telling.evaluate(**stepping.told(trainer.callback_metrics, prefix="val_"))
        self._steps.rest()

    def on_train_end(self, trainer: Any, module: Any) -> None:
        """Look at the last loss."""
        self._telling.check_loss()
