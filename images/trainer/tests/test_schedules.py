from __future__ import annotations

import itertools

import pytest

from trainshed_trainer.training import schedules


@pytest.mark.parametrize("name", ["constant", "linear", "cosine"])
def test_a_schedule_rises_and_then_never_does(name: str) -> None:
    rates = [schedules.factor(step, schedule=name, warmup=10, total=100) for step in range(100)]

    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert all(late <= early for early, late in itertools.pairwise(rates[9:]))
    assert min(rates) >= 0
