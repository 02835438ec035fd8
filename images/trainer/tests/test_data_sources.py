from __future__ import annotations

import itertools

import numpy as np
import pytest

from trainshed_trainer import errors, schema
from trainshed_trainer.data import corrupt, digits, moving, opening, preparing, sources

pytestmark = pytest.mark.numpy


def clips(**changed: object) -> moving.MovingDigits:
    asked = {"samples": 400, "label": "direction", "seed": 0, "frames": None, "stride": 1}
    return moving.read(**{**asked, **changed})  # type: ignore[arg-type]


def source(**asked: object) -> sources.Source:
    return opening.source(schema.read({"data": asked}).data, corrupt.Tally())


def test_the_digits_are_the_real_ones() -> None:
    found = digits.read()

    assert found.images.shape == (1797, 1, 8, 8)
    assert found.images.max() == 1.0
    assert set(found.labels) == set(range(len(found.classes)))


def test_clips_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    first, again, other = clips(), clips(), clips(seed=1)

    for number in (0, 7, 399):
        assert np.array_equal(first.load(number), again.load(number))
        assert not np.array_equal(first.load(number), other.load(number))


def test_more_clips_or_frames_begin_as_fewer_do() -> None:
    few, many, long = clips(samples=16), clips(samples=4000), clips(frames=24)

    assert np.array_equal(few.load(3), many.load(3))
    assert np.array_equal(few.load(3), long.load(3)[:16])
    assert few.labels[3] == many.labels[3]


def test_a_clip_is_textured_ground_with_a_digit_and_stays_within_0_and_1() -> None:
    clip = clips().load(5)

    assert clip.shape == (16, 1, 32, 32)
    assert clip.dtype == np.float32
    assert 0 <= clip.min() < clip.max() <= 1
    still = clip.max(axis=0) == clip.min(axis=0)
    assert clip[0][still].std() > 0.05


def test_what_moves_moves_in_the_direction_of_the_label() -> None:
    found = clips()

    for number in range(24):
        clip = found.load(number)[:, 0]
        ground = np.median(clip, axis=0)
        shown = np.abs(clip - ground)
        best = max(
            itertools.product(range(8), (1, 2)),
            key=lambda move: alike(shown, moving.STEPS[move[0]] * move[1]),
        )
        assert best[0] == found.labels[number]


def alike(clip: np.ndarray, step: np.ndarray) -> float:
    moved = np.roll(clip[:-1], tuple(step), axis=(1, 2))
    return float((moved * clip[1:]).sum())


def test_a_stride_takes_later_moments_of_the_same_clip() -> None:
    slow, quick = clips(frames=15).load(2), clips(frames=5, stride=3).load(2)

    assert np.array_equal(slow[::3], quick)


@pytest.mark.parametrize("label", ["direction", "digit"])
def test_classes_are_balanced(label: str) -> None:
    counts = np.bincount(clips(samples=2000, label=label).labels)

    assert counts.min() > 0.9 * counts.mean()


@pytest.mark.parametrize("folds", [None, preparing.Folds(count=4, number=2)])
def test_no_scan_is_both_trained_on_and_held_out(folds: preparing.Folds | None) -> None:
    asked = schema.read({"data": {"name": "moving-digits", "samples": 3000}}).data

    found = preparing.prepare(asked, folds=folds)

    groups = clips(samples=3000).groups
    trained, held = (groups[split._numbers] for split in (found.train, found.held))
    assert not set(trained) & set(held)
    assert len(found.train.labels) + len(found.held.labels) == 3000
    assert np.ptp(np.bincount(found.held.labels)) <= 0.25 * len(found.held.labels) / 8


def test_a_mirrored_direction_is_refused() -> None:
    with pytest.raises(errors.ConfigurationError, match=r"set data\.label to digit") as raised:
        source(name="moving-digits", preprocess={"augment": ["hflip", "noise"]})

    assert raised.value.reason == "InvalidSpec"
    source(name="moving-digits", label="digit", preprocess={"augment": ["hflip"]})


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, 3], "none is 2"),
        ([0, -1], "has the label -1, which is not 0 to 99999"),
        ([0, 2**40], "has the label 1099511627776"),
    ],
)
def test_labels_out_of_range_are_named(labels: list[int], said: str) -> None:
    with pytest.raises(errors.DataError, match=said) as raised:
        sources.by_number(np.array(labels), where="y.npz")

    assert raised.value.reason == "LabelsOutOfRange"
