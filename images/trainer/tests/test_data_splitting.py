from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import errors
from trainshed_trainer.data import splitting

pytestmark = pytest.mark.numpy


@given(share=st.floats(0.05, 0.9), seed=st.integers(0, 100))
def test_a_split_keeps_each_class_share_and_loses_nothing(share: float, seed: int) -> None:
    labels = np.repeat(np.arange(5), 40)

    train, held = splitting.split(labels, share=share, seed=seed)

    assert sorted([*train, *held]) == list(range(200))
    assert len(set(np.bincount(labels[held]))) == 1


@given(
    labels=st.lists(st.integers(0, 3), min_size=4, max_size=60),
    size=st.integers(1, 4),
    seed=st.integers(0, 9),
)
def test_a_group_is_never_divided(labels: list[int], size: int, seed: int) -> None:
    groups = np.arange(len(labels)) // size

    train, held = splitting.split(np.array(labels), share=0.3, seed=seed, groups=groups)

    assert not set(groups[train]) & set(groups[held])
    assert len(train) + len(held) == len(labels)


@given(count=st.integers(2, 7), seed=st.integers(0, 20))
def test_each_sample_is_held_out_in_one_fold_of_each_class_share(count: int, seed: int) -> None:
    labels = np.repeat(np.arange(4), [7, 11, 30, 8])

    found = splitting.folds(labels, count, seed)

    assert sorted(np.concatenate([held for _, held in found])) == list(range(len(labels)))
    assert np.ptp([len(held) for _, held in found]) <= 1
    for train, held in found:
        assert sorted([*train, *held]) == list(range(len(labels)))
        assert set(labels[held]) == {0, 1, 2, 3}
    shares = [np.bincount(labels[held], minlength=4) for _, held in found]
    assert (np.ptp(shares, axis=0) <= 1).all()


def test_more_folds_than_a_class_has_samples_says_what_to_do() -> None:
    labels = np.array([0] * 9 + [1] * 4)

    with pytest.raises(errors.DataError, match="set folds to 4 or less") as raised:
        splitting.folds(labels, 5, 0)

    assert raised.value.reason == "TooManyFolds"


def test_groups_and_not_samples_are_what_folds_need() -> None:
    labels, groups = np.repeat([0, 1], 6), np.repeat(np.arange(4), 3)

    assert len(splitting.folds(labels, 2, 0, groups=groups)) == 2
    with pytest.raises(errors.DataError, match="has 2 samples"):
        splitting.folds(labels, 3, 0, groups=groups)


def test_another_seed_holds_out_others() -> None:
    labels = np.repeat([0, 1], 50)

    held = [set(splitting.split(labels, share=0.2, seed=seed)[1]) for seed in (0, 0, 1)]

    assert held[0] == held[1] != held[2]
