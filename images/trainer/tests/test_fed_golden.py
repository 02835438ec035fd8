"""The tensors that a step is fed with, from files to the device: one golden file for both images.

`TRAINSHED_GOLDEN=write` writes it anew, by whichever framework is there.
"""

from __future__ import annotations

import importlib
import os
import pathlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainshed_trainer import schema
from trainshed_trainer.data import preparing

FOLDER = pathlib.Path(__file__).parent / "golden"
GOLDEN = FOLDER / "fed.npz"
TOLERANCE = 1e-5
ALL = ["hflip", "vflip", "crop", "rotate", "noise"]
FRAMEWORKS = [
    pytest.param("pytorch", marks=pytest.mark.torch),
    pytest.param("tensorflow", marks=pytest.mark.tensorflow),
]
MODELS = {
    "images": {"name": "cnn", "params": {"channels": [4], "hidden": 8}},
    "clips": {"name": "cnn-lstm", "params": {"channels": [4], "features": 8, "hidden": 8}},
}
PREPROCESS: dict[str, dict[str, Any]] = {
    "images": {"resize": [12, 10]},
    "clips": {"resize": [10, 8], "frames": 3, "stride": 2},
}
LAYOUTS = {"images": "images", "clips": "videos"}
ORDER = np.array([3, 0, 2, 1])
EPOCH = 2


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("augment", [[], ALL], ids=["as they are", "augmented"])
@pytest.mark.parametrize("kind", MODELS)
def test_a_step_gets_these_tensors(framework: str, kind: str, augment: list[str]) -> None:
    name = f"{kind}-{'augmented' if augment else 'plain'}"
    found = {"kept": fed(framework, kind, augment)}
    found["read"] = fed(framework, kind, augment, room=preparing.Room(kept=0))
    if os.environ.get("TRAINSHED_GOLDEN") == "write":
        keep(name, found["kept"])

    with np.load(GOLDEN) as golden:
        expected = golden[name]
    for inputs in found.values():
        assert inputs.shape == expected.shape
        assert np.abs(inputs - expected).max() <= TOLERANCE


def fed(
    framework: str, kind: str, augment: list[str], *, room: preparing.Room | None = None
) -> NDArray[np.float32]:
    """Return the inputs of a step, (n, C, H, W) or (n, T, C, H, W)."""
    asked = {
        "framework": framework,
        "model": MODELS[kind],
        "data": {
            "folder": {"path": str(FOLDER / kind), "layout": LAYOUTS[kind]},
            "preprocess": {**PREPROCESS[kind], "augment": augment},
            "split": {"validation": 0.3, "seed": 1},
        },
        "training": {"batchSize": len(ORDER)},
    }
    spec = schema.read(asked)
    data = preparing.prepare(spec.data, room=room)
    module = importlib.import_module(f"trainshed_trainer.training.{framework}")
    backend = module.open(spec, data)
    (batch,) = backend.batches(ORDER, epoch=EPOCH)
    assert type(backend._train).__name__ == ("Streamed" if augment or room else "Resident")
    if framework == "pytorch":
        return np.asarray(batch.inputs.cpu())
    inputs, _ = backend._train.fetch(*batch.tensors)
    return np.moveaxis(np.asarray(inputs), -1, -3)


def keep(name: str, inputs: NDArray[np.float32]) -> None:
    """Put one of the arrays into the golden file."""
    known: dict[str, Any] = {}
    if GOLDEN.exists():
        with np.load(GOLDEN) as golden:
            known = {each: golden[each] for each in golden.files}
    np.savez_compressed(GOLDEN, **{**known, name: inputs})
