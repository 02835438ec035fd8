from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import errors, schema
from trainshed_trainer.data import digits, preparing
from trainshed_trainer.training import schedules


def test_the_digits_are_the_real_ones() -> None:
    images, labels = digits.load()

    assert images.shape == (1797, 1, 8, 8)
    assert images.max() == 1.0
    assert set(labels) == set(range(10))


def test_statistics_are_of_the_training_split_alone() -> None:
    images, labels = digits.load()

    data = preparing.prepare(images, labels, schema.Data(), classes=10)

    assert data.train_images.mean() == pytest.approx(0, abs=1e-5)
    assert data.train_images.std() == pytest.approx(1, abs=1e-4)
    assert abs(data.test_images.mean()) > 1e-5


@given(share=st.floats(0.05, 0.9), seed=st.integers(0, 100))
def test_a_split_keeps_each_class_share_and_loses_nothing(share: float, seed: int) -> None:
    labels = np.repeat(np.arange(5), 40)

    train, test = preparing.split(labels, share=share, seed=seed)

    assert sorted([*train, *test]) == list(range(200))
    assert len(set(np.bincount(labels[test]))) == 1


def test_resizing_keeps_a_plane_a_plane() -> None:
    ramp = np.tile(np.arange(8, dtype=np.float32), (1, 1, 8, 1))

    large = preparing.resize(ramp, height=16, width=16)

    assert large.shape == (1, 1, 16, 16)
    assert np.allclose(np.diff(large[0, 0, 4, 1:-1]), 0.5, atol=1e-5)


def test_a_batch_larger_than_the_data_says_what_to_do() -> None:
    with pytest.raises(errors.DataError, match="set batchSize to 1437 or less") as raised:
        preparing.check_batch(2000, 1437)

    assert raised.value.reason == "BatchTooLarge"


@pytest.mark.parametrize("name", ["constant", "linear", "cosine"])
def test_a_schedule_rises_and_then_never_does(name: str) -> None:
    rates = [schedules.factor(step, schedule=name, warmup=10, total=100) for step in range(100)]

    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert all(late <= early for early, late in itertools.pairwise(rates[9:]))
    assert min(rates) >= 0


@pytest.mark.parametrize(
    "document",
    [
        {"modell": {}},
        {"training": {"epochs": "3"}},
        {"training": {"epochs": True}},
        {"model": {"params": {"channels": 3}}},
        {"data": []},
    ],
)
def test_what_a_spec_may_not_say_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(errors.ConfigurationError):
        schema.read(document)


def test_a_spec_is_read_as_the_operator_writes_it() -> None:
    spec = schema.read(
        {
            "framework": "pytorch",
            "model": {"name": "cnn", "params": {"channels": [8], "dropout": 0}},
            "training": {"epochs": 3, "optimizer": {"learningRate": 1}},
        }
    )

    assert spec.model.params.channels == (8,)
    assert spec.training.optimizer.learning_rate == 1.0
