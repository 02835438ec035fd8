"""Compiled by torch.compile, on the CPU; in the image with a compiler, which it does not have."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer import schema

pytestmark = pytest.mark.torch

DATA = datasets.images()


def opened(compiling: str) -> Any:
    from trainshed_trainer.training import pytorch

    model = {"name": "cnn", "params": {"channels": [4], "hidden": 16}}
    training = {"batchSize": 18, "compile": compiling}
    return pytorch.open(schema.read({"model": model, "training": training}), DATA)


def trained(backend: Any) -> list[float]:
    order = np.arange(len(DATA.train.labels))
    with contextlib.closing(backend.batches(order, epoch=1)) as batches:
        return [float(backend.step(batch, 0.003)) for batch in batches]


def test_a_model_that_is_compiled_learns_the_same_and_keeps_its_state() -> None:
    import torch

    plain, compiled = opened("never"), opened("always")
    counters = torch._dynamo.utils.counters
    counters.clear()

    assert trained(compiled) == pytest.approx(trained(plain), abs=1e-5)

    assert counters["stats"]["unique_graphs"] == 1
    assert compiled.evaluate() == pytest.approx(plain.evaluate(), abs=1e-4)
    plain.restore(compiled.state())
    assert plain.evaluate() == compiled.evaluate()


def test_what_is_not_asked_for_is_not_compiled() -> None:
    import torch

    counters = torch._dynamo.utils.counters
    counters.clear()

    trained(opened("auto"))

    assert not counters["stats"]
