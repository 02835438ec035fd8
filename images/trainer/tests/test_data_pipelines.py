from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from trainshed_trainer.data import pipelines

pytestmark = pytest.mark.numpy


class Split:
    """Inputs are ten times their number; counts what is made and not yet taken."""

    labels = np.arange(100)

    def __init__(self, broken: int | None = None) -> None:
        self.broken = broken
        self.made = 0
        self.gate = threading.Event()
        self.gate.set()

    def batch(self, numbers: Any, *, epoch: int) -> Any:
        self.gate.wait(60)
        if self.broken in numbers:
            raise ValueError(f"sample {self.broken}")
        self.made += 1
        return np.float32(10.0) * numbers + epoch


def made(split: Split, **asked: Any) -> Iterator[pipelines.Batch]:
    order = np.arange(100)[::-1]
    return pipelines.batches(split, order, **{"size": 8, "epoch": 0, "workers": 3, **asked})


def threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("trainshed-data")]


@pytest.mark.parametrize("workers", [0, 1, 3, None])
def test_batches_come_in_order_and_the_last_holds_what_is_left(workers: int | None) -> None:
    found = list(made(Split(), workers=workers, epoch=2))

    assert [len(labels) for _, labels in found] == [8] * 12 + [4]
    labels = np.concatenate([labels for _, labels in found])
    assert np.array_equal(labels, np.arange(100)[::-1])
    assert np.array_equal(np.concatenate([inputs for inputs, _ in found]), labels * 10.0 + 2)
    assert threads() == []


def test_no_more_than_a_few_batches_are_made_ahead() -> None:
    split = Split()
    batches = made(split, size=1)

    for taken in range(1, 50):
        next(batches)
        assert split.made - taken <= 3 + pipelines.AHEAD


def test_an_error_in_a_worker_comes_at_its_place_and_ends_the_threads() -> None:
    batches = made(Split(broken=60))

    found = []
    with pytest.raises(ValueError, match="sample 60"):
        found.extend(batches)

    assert len(found) == 4
    assert threads() == []


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_closing_early_ends_the_threads(taken: int) -> None:
    split = Split()
    batches = made(split)
    for _ in range(taken):
        next(batches)

    batches.close()  # type: ignore[attr-defined]

    assert threads() == []
    assert split.made <= taken + 3 + pipelines.AHEAD


def test_workers_make_batches_at_the_same_time() -> None:
    split = Split()
    split.gate.clear()
    together = threading.Barrier(3, action=split.gate.set)

    class Meeting(Split):
        def batch(self, numbers: Any, *, epoch: int) -> Any:
            if 99 - numbers[0] < 24:  # the first three of 8
                together.wait(60)
            return super().batch(numbers, epoch=epoch)

    assert len(list(made(Meeting()))) == 13
