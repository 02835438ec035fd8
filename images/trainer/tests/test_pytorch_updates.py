"""The lean step of Adam: the same numbers as PyTorch's own, whatever happens on the way."""

from __future__ import annotations

import copy
from typing import Any

import pytest

pytest.importorskip("torch", reason="no PyTorch here: `make test-trainer` has it")
pytestmark = pytest.mark.torch

RATE = 0.001


def model() -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def updater(of: Any, name: str = "adamw", **asked: Any) -> Any:
    from trainshed_trainer import schema
    from trainshed_trainer.training.pytorch import optimizers

    optimizer = {"name": name, "learningRate": RATE, **asked}
    spec = schema.read({"training": {"optimizer": optimizer}})
    return optimizers.Updater(spec.training.optimizer, of, None)


def batches(count: int) -> list[Any]:
    import torch

    drawn = torch.Generator().manual_seed(1)
    return [torch.randn(4, 6, generator=drawn) for _ in range(count)]


def loss_of(of: Any, batch: Any) -> Any:
    return of(batch).square().mean()


def weights(of: Any) -> list[list[float]]:
    return [each.detach().flatten().tolist() for each in of.parameters()]


def by_pytorch(of: Any, update: Any, given: list[Any]) -> None:
    """Take the steps by the optimiser itself."""
    for batch in given:
        update.optimizer.zero_grad()
        loss_of(of, batch).backward()
        update.optimizer.step()


def by_us(of: Any, update: Any, given: list[Any], rate: float = RATE) -> None:
    for batch in given:
        update.step(loss_of(of, batch), rate)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_numbers_are_pytorchs_own_bit_for_bit(name: str) -> None:
    ours, theirs = model(), model()
    by_us(ours, updater(ours, name), batches(7))
    by_pytorch(theirs, updater(theirs, name), batches(7))

    assert weights(ours) == weights(theirs)


def test_a_restored_state_goes_on_as_if_nothing_had_been() -> None:
    whole, cut = model(), model()
    given = batches(9)
    by_us(whole, updater(whole), given, rate=0.01)
    before = updater(cut)
    by_us(cut, before, given[:4], rate=0.01)

    after = updater(cut)
    after.restore(copy.deepcopy(before.state()))  # one tensor for all counts stays one
    by_us(cut, after, given[4:], rate=0.01)

    assert weights(cut) == weights(whole)
    assert {float(each["step"]) for each in after.state()["state"].values()} == {9.0}


def test_a_parameter_without_gradient_counts_no_step() -> None:
    ours, theirs = model(), model()
    mine, other = updater(ours), updater(theirs)
    given = batches(6)
    by_us(ours, mine, given[:3])
    by_pytorch(theirs, other, given[:3])
    for each in (ours, theirs):
        each[0].requires_grad_(False)
    by_us(ours, mine, given[3:])
    for batch in given[3:]:
        other.optimizer.zero_grad()
        loss_of(theirs, batch).backward()
        other.optimizer.step()

    assert weights(ours) == weights(theirs)


def test_a_rate_that_changes_is_taken_at_each_step() -> None:
    ours = model()
    update = updater(ours)
    by_us(ours, update, batches(2))
    before = weights(ours)
    by_us(ours, update, batches(1), rate=0.0)

    assert weights(ours) == before


def test_other_optimisers_step_as_they_are() -> None:
    ours, theirs = model(), model()
    by_us(ours, updater(ours, "sgd", weightDecay=0), batches(3))
    by_pytorch(theirs, updater(theirs, "sgd", weightDecay=0), batches(3))

    assert weights(ours) == weights(theirs)
