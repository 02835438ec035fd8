"""The losses in PyTorch: the same numbers as in TensorFlow, by one formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from images.trainer.tests import formulas

pytest.importorskip("torch", reason="no PyTorch here: `make test-trainer` has it")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [0.5, 3.0, 1.0]], ids=str)
@pytest.mark.parametrize("gamma", [None, 0.0, 2.0])
def test_each_loss_follows_its_formula(smoothing: float, weights: Any, gamma: float | None) -> None:
    import torch

    from trainshed_trainer.training.pytorch import losses

    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    given = None if weights is None else torch.tensor(weights)
    loss = losses.build(smoothing, weights=given, gamma=gamma)

    found = loss(torch.from_numpy(logits), torch.ones(5, dtype=torch.int64))

    wanted = formulas.loss(logits, smoothing=smoothing, weights=weights, gamma=gamma)
    assert found.item() == pytest.approx(wanted.mean(), abs=1e-5)
