"""Held-out samples are evaluated in batches for which there is memory."""

from __future__ import annotations

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer.training import backends, ranks


@pytest.mark.parametrize(
    ("shape", "trained", "size"),
    [
        ((1, 8, 8), 64, 1024),
        ((16, 1, 32, 32), 32, 64),
        ((16, 1, 32, 32), 256, 256),
        ((16, 3, 600, 600), 2, 2),
    ],
    ids=str,
)
def test_batches_are_large_of_small_samples_alone(
    shape: tuple[int, ...], trained: int, size: int
) -> None:
    # Of all samples one value is held: as many as there are shapes of, in no memory.
    inputs = np.broadcast_to(np.zeros((), np.float32), (1100, *shape))
    split = datasets.ArraySplit(inputs, np.zeros(1100, np.int64))

    portions = backends.held_portions(split, trained=trained, among=ranks.ALONE)

    assert {each.samples for each in portions[:-1]} == {size}
    assert np.concatenate([each.numbers for each in portions]).tolist() == list(range(1100))


def test_processes_share_the_samples() -> None:
    split = datasets.ArraySplit(np.zeros((7, 1, 2, 2), np.float32), np.zeros(7, np.int64))

    found = [
        backends.held_portions(split, trained=1, among=ranks.Ranks(rank, 2)) for rank in (0, 1)
    ]

    assert [each[0].numbers.tolist() for each in found] == [[0, 2, 4, 6], [1, 3, 5]]
