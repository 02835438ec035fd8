"""Checkpoints of real training: a run that is killed ends as one that is not."""

from __future__ import annotations

import itertools
import json
import pathlib
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from images.trainer.tests import datasets, forking, trainers
from trainshed_trainer import context, errors, schema
from trainshed_trainer.training import checkpoints, loop
from trainshed_trainer.training.checkpoints import stores

pytestmark = pytest.mark.torch

MODELS: dict[str, Any] = {
    "cnn": {"channels": [4], "hidden": 16, "dropout": 0.2},
    "cnn-attention": {"channels": [4], "hidden": 16, "heads": 2, "dropout": 0.2},
    "lstm": {"hidden": 16, "layers": 2, "dropout": 0.2},
    "cnn-lstm": {"channels": [4], "features": 8, "hidden": 16, "cell": "gru", "dropout": 0.2},
}


def spec_of(name: str, **training: Any) -> schema.Spec:
    training = {"batchSize": 16, "epochs": 4, "optimizer": {"schedule": "cosine"}, **training}
    model = {"name": name, "params": MODELS[name]}
    return schema.read({"model": model, "training": training, "checkpoint": {"everySeconds": 3}})


def attempt(
    job: context.Context, place: pathlib.Path, spec: schema.Spec, *, fails_at: int | None = None
) -> Any:
    """Train; a clock with a second for each time it is asked makes checkpoints due."""
    import torch

    from trainshed_trainer.training import pytorch

    torch.set_num_threads(1)
    data = datasets.clips() if "lstm" in spec.model.name else datasets.images()
    backend = pytorch.open(spec, data)
    take = backend.step
    taken = itertools.count(1)

    def step(batch: Any, rate: float) -> Any:
        if next(taken) == fails_at:
            raise RuntimeError("power cut")
        return take(batch, rate)

    backend.step = step  # type: ignore[method-assign]
    ticks = itertools.count()
    assert spec.checkpoint is not None
    keeper = checkpoints.Keeper(
        stores.Folder(str(place)),
        spec.checkpoint,
        checkpoints.identify(spec, data),
        clock=lambda: float(next(ticks)),
    )
    samples = len(data.train.labels)
    loop.train(spec.training, backend, samples=samples, keeper=keeper, known=job)
    return json.loads(pathlib.Path(job.account_file).read_text())["account"]


@pytest.mark.parametrize(
    ("name", "optimizer"), [*((name, "adamw") for name in MODELS), ("cnn", "sgd")]
)
def test_a_run_that_fails_in_the_middle_ends_with_the_same_loss(
    job: context.Context, tmp_path: pathlib.Path, name: str, optimizer: str
) -> None:
    spec = spec_of(name, optimizer={"name": optimizer, "schedule": "cosine"})
    straight = attempt(job, tmp_path / "whole", spec)

    with pytest.raises(RuntimeError, match="power cut"):
        attempt(job, tmp_path / "parts", spec, fails_at=13)
    ended = attempt(job, tmp_path / "parts", spec)

    assert 0 < ended["checkpoint"]["resumedFromStep"] < 13
    assert ended["loss"] == pytest.approx(straight["loss"], abs=1e-6)
    assert ended["metrics"] == straight["metrics"]


def test_fp16_goes_on_with_its_scale(job: context.Context, tmp_path: pathlib.Path) -> None:
    spec = spec_of("cnn", precision="fp16")
    straight = attempt(job, tmp_path / "whole", spec)
    with pytest.raises(RuntimeError, match="power cut"):
        attempt(job, tmp_path / "parts", spec, fails_at=13)

    assert attempt(job, tmp_path / "parts", spec)["loss"] == straight["loss"]


def test_another_run_begins_with_the_weights(job: context.Context, tmp_path: pathlib.Path) -> None:
    attempt(job, tmp_path / "one", spec_of("cnn", epochs=12, optimizer={"learningRate": 0.01}))
    spec = spec_of("cnn", epochs=1, optimizer={"name": "sgd", "learningRate": 1e-6})
    checkpoint = schema.Checkpoint(from_=str(tmp_path / "one"))

    account = attempt(
        job,
        tmp_path / "two",
        schema.Spec("pytorch", spec.model, spec.data, spec.training, checkpoint),
    )

    assert account["metrics"]["accuracy"] > 0.6
    assert account["checkpoint"] == {"lastStep": 5, "resumedFromStep": 0}


def test_what_is_no_state_is_refused(job: context.Context, tmp_path: pathlib.Path) -> None:
    from trainshed_trainer.training import pytorch

    backend = pytorch.open(spec_of("cnn"), datasets.images())
    other = pytorch.open(spec_of("cnn-attention"), datasets.images())

    with pytest.raises(ValueError, match="can't be read"):
        backend.restore({"model": b"no state at all"})
    with pytest.raises(ValueError, match="does not fit"):
        backend.restore(other.state())


def started(
    tmp_path: pathlib.Path, place: pathlib.Path, *, epochs: int, keep: int = 2
) -> forking.Process:
    spec = {
        "framework": "pytorch",
        "model": {"name": "cnn", "params": MODELS["cnn"]},
        "data": {"name": "digits"},
        "training": {"epochs": epochs},
        "checkpoint": {"everySeconds": 1, "keep": keep},
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    environment = {
        "TRAINSHED_JOB": "digits",
        "TRAINSHED_SPEC_FILE": str(tmp_path / "spec.json"),
        "TRAINSHED_CHECKPOINT_DIR": str(place),
        "TRAINSHED_ACCOUNT_FILE": str(tmp_path / "account.json"),
    }
    return trainers.start("pytorch", folder=tmp_path, environment=environment)


def account_of(process: Any, tmp_path: pathlib.Path) -> Any:
    process.communicate(timeout=300)
    return json.loads((tmp_path / "account.json").read_text())["account"]


def kept(place: pathlib.Path) -> Iterator[str]:
    return (each.name for each in place.glob("step-*"))


def test_a_process_that_is_killed_goes_on_where_it_was(tmp_path: pathlib.Path) -> None:
    epochs = 80
    straight = account_of(started(tmp_path, tmp_path / "whole", epochs=epochs), tmp_path)
    (tmp_path / "account.json").unlink()
    process = started(tmp_path, tmp_path / "parts", epochs=epochs)
    while not any(kept(tmp_path / "parts")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)

    ended = account_of(started(tmp_path, tmp_path / "parts", epochs=epochs), tmp_path)

    assert process.returncode == -signal.SIGKILL
    assert 0 < ended["checkpoint"]["resumedFromStep"] < epochs * 23
    assert ended["loss"] == pytest.approx(straight["loss"], abs=1e-6)
    assert ended["steps"] == straight["steps"] == epochs * 23


def test_a_place_that_cannot_be_written_is_told_of_before_training(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    process = started(tmp_path, tmp_path / "file" / "folder", epochs=1)

    account = account_of(process, tmp_path)

    assert process.returncode == errors.EXIT_CONFIGURATION
    assert (account["class"], account["reason"]) == ("Data", "CheckpointNotWritable")
    assert account["steps"] == 0
