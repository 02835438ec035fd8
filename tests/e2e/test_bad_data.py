"""Data and checkpoints that are wrong: each job says of what, and leaves nothing half written."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from hack import apiserver
from tests.e2e import conftest, pictures, volumes
from trainshed_trainer.training.checkpoints import sealing

SECONDS = 300
STATE = {"model": b"weights" * 100}


@dataclass(frozen=True)
class Case:
    """What is wrong. `write`: told the folder that the job reads; `says`: a part of the message."""

    reason: str
    says: str
    write: Callable[[pathlib.Path], None]
    layout: str = ""
    """How the data lie; without one it is the checkpoint that is wrong."""


def make_empty(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True)


def write_one_class(folder: pathlib.Path) -> None:
    pictures.write_folders(folder, classes=("above",))


def write_sizes(folder: pathlib.Path) -> None:
    pictures.write_folders(folder, sides=(16, 20))


def write_labels(folder: pathlib.Path) -> None:
    pixels, labels = pictures.drawn(24)
    folder.mkdir(parents=True)
    np.savez(folder / "set.npz", images=pixels, labels=labels - 1)


def write_no_numbers(folder: pathlib.Path) -> None:
    pixels, labels = pictures.drawn(24)
    inputs = pixels.astype(np.float32) / 255
    inputs[3] = np.nan
    folder.mkdir(parents=True)
    np.savez(folder / "set.npz", images=inputs, labels=labels)


def write_truncated(folder: pathlib.Path) -> None:
    write_of_another_model(folder)
    (folder / "step-00000007/model").write_bytes(STATE["model"][:10])


def write_of_another_model(folder: pathlib.Path) -> None:
    written = folder / "step-00000007"
    written.mkdir(parents=True)
    identity = {"framework": "pytorch", "model.name": "lstm"}
    for name, content in sealing.seal(sealing.Sealed(7, 1.0, identity, STATE)).items():
        (written / name).write_bytes(content)


CASES = {
    "an-empty-folder": Case("NoSamples", "one folder a class", make_empty, "images"),
    "one-class": Case("OneClass", "above", write_one_class, "images"),
    "other-sizes": Case("DifferentSizes", "data.preprocess.resize", write_sizes, "images"),
    "a-wrong-label": Case("LabelsOutOfRange", "label -1", write_labels, "npz"),
    "no-numbers": Case("TooManyCorrupt", "sample 3", write_no_numbers, "npz"),
    "truncated": Case("CheckpointDamaged", "10 bytes of 700", write_truncated),
    "another-model": Case("CheckpointMismatch", '"lstm" there', write_of_another_model),
}


@dataclass(frozen=True)
class Ended:
    """The jobs, of which each has ended or will. `models`: the claim of all exports."""

    namespace: conftest.Namespace
    models: pathlib.Path


@pytest.fixture(scope="module")
def ended(api: apiserver.ApiServer, info: conftest.Body) -> Iterator[Ended]:
    """Begin a job of each case, all at once."""
    namespace = conftest.create_namespace(api)
    with (
        volumes.claim(namespace, info, "sets") as sets,
        volumes.claim(namespace, info, "kept") as kept,
        volumes.claim(namespace, info, "models") as models,
    ):
        for name, case in CASES.items():
            case.write(sets / name if case.layout else kept / namespace.name / name)
        for name, case in CASES.items():
            namespace.apply(name, asked(name, case))
        yield Ended(namespace, models)
    namespace.delete()


def asked(name: str, case: Case) -> conftest.Body:
    """Return the spec of a job that exports what it has learnt."""
    export = {"formats": ["torchscript"], "volume": {"claimName": "models"}}
    spec = {**conftest.cnn(epochs=1, batchSize=8), "export": export}
    if not case.layout:
        return {**spec, "checkpoint": {"volume": {"claimName": "kept"}}}
    folder = {"path": f"/data/{name}", "layout": case.layout}
    return {**spec, "data": {"volume": {"claimName": "sets"}, "folder": folder}}


@pytest.mark.parametrize("name", list(CASES))
def test_what_is_wrong_is_named_and_nothing_is_written(ended: Ended, name: str) -> None:
    status = ended.namespace.finished(name, seconds=SECONDS)

    failed = conftest.condition(status, "Failed")
    assert failed is not None, status
    assert failed["reason"] == CASES[name].reason
    assert CASES[name].says in failed["message"]
    assert status["failure"]["class"] == "Data"
    assert "result" not in status
    own = ended.models / ended.namespace.name / name
    assert [each for each in own.rglob("*") if each.is_file()] == []
