"""The callbacks in the loops of Lightning and of Hugging Face's Trainer, the real ones.

The images have neither library: `make test-trainer` puts both beside the image's PyTorch.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import warnings
from typing import Any

import pytest

from trainshed_trainer import context
from trainshed_trainer.run import Run

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
SAMPLES, BATCH = 40, 16


def rows() -> Any:
    import torch

    x = torch.rand(SAMPLES, 4, generator=torch.Generator().manual_seed(0))
    return [{"x": row, "labels": row.sum()[None]} for row in x]


def imported(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"no {name} here: `make test-trainer` has it")


def lightning_fit(run: Run, folder: pathlib.Path, *, epochs: int = 2, stop_at: int = -1) -> None:
    pl = imported("lightning.pytorch")
    import torch

    from trainshed_trainer.callbacks.lightning import TrainshedCallback

    class Linear(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def loss(self, batch: Any) -> Any:
            return torch.nn.functional.mse_loss(self.layer(batch["x"]), batch["labels"])

        def training_step(self, batch: Any, number: int) -> Any:
            if self.global_step == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
            return self.loss(batch)

        def validation_step(self, batch: Any, number: int) -> None:
            self.log("val_mse", self.loss(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.01)

    loader = torch.utils.data.DataLoader(rows(), batch_size=BATCH)
    trainer = pl.Trainer(
        callbacks=[TrainshedCallback(run)],
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Linear(), loader, loader)


def test_lightning_steps_and_samples_are_counted(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    with Run(known=job) as run:
        lightning_fit(run, tmp_path)

    assert run.counts.steps == 6
    assert run.counts.samples == 2 * SAMPLES
    assert set(evaluated(job)) == {"mse"}


def test_lightning_ends_where_the_run_is_told_to_stop(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    run = Run(known=job)
    with pytest.raises(SystemExit, match="75"), run:
        lightning_fit(run, tmp_path, epochs=5, stop_at=4)

    assert run.counts.steps == 5


def hugging_face_train(run: Run, folder: pathlib.Path, *, epochs: int = 2) -> None:
    transformers = imported("transformers")
    imported("accelerate")
    import torch

    from trainshed_trainer.callbacks.huggingface import TrainshedCallback

    class Linear(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def forward(self, x: Any, labels: Any) -> Any:
            found = self.layer(x)
            return {"loss": torch.nn.functional.mse_loss(found, labels), "logits": found}

    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=BATCH,
        num_train_epochs=epochs,
        dataloader_drop_last=True,
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    transformers.Trainer(
        Linear(),
        arguments,
        train_dataset=rows(),
        eval_dataset=rows(),
        compute_metrics=lambda found: {"mse": float(((found[0] - found[1]) ** 2).mean())},
        callbacks=[TrainshedCallback(run)],
    ).train()


def test_hugging_face_steps_and_samples_are_counted(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    with Run(known=job) as run:
        hugging_face_train(run, tmp_path)

    assert run.counts.steps == 4
    assert run.counts.samples == 4 * BATCH
    assert set(evaluated(job)) == {"mse"}


def evaluated(job: context.Context) -> dict[str, float]:
    account = json.loads(pathlib.Path(job.account_file).read_text())["account"]
    found: dict[str, float] = account["metrics"]
    return found
