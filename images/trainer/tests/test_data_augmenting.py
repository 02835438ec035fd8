from __future__ import annotations

import numpy as np
import pytest

from trainshed_trainer.data import augmenting, resizing, sources

pytestmark = pytest.mark.numpy
IMAGE = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
CLIP = np.repeat(IMAGE[None], 5, axis=0)


@pytest.mark.parametrize("name", augmenting.CHANGES)
def test_a_change_is_the_same_for_a_seed_and_keeps_shape_and_range(name: str) -> None:
    found = [augmenting.augment(IMAGE, [name], seed=(0, 1, number)) for number in (3, 3, 4, 5, 6)]

    assert np.array_equal(found[0], found[1])
    assert any(not np.array_equal(found[0], other) for other in found[2:])
    assert all(one.shape == IMAGE.shape and one.dtype == np.float32 for one in found)
    assert all(one.min() >= 0 and one.max() <= 1 for one in found)


@pytest.mark.parametrize("name", sorted(set(augmenting.CHANGES) - {"noise"}))
def test_the_frames_of_a_clip_change_alike(name: str) -> None:
    for number in range(4):
        found = augmenting.augment(CLIP, [name], seed=(0, 0, number))

        assert all(np.array_equal(found[0], frame) for frame in found)


@pytest.mark.parametrize("name", augmenting.CHANGES)
@pytest.mark.parametrize("shape", [(3, 16, 12), (2, 3, 9, 16)], ids=["image", "clip"])
def test_levels_change_as_their_numbers_do(name: str, shape: tuple[int, ...]) -> None:
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    for number in range(6):
        found, numbers = (
            augmenting.augment(sample, [name], seed=(0, 0, number))
            for sample in (levels, sources.unit(levels))
        )
        assert np.array_equal(sources.unit(found), numbers)


def test_noise_differs_between_frames() -> None:
    found = augmenting.augment(CLIP, ["noise"], seed=(0, 0, 0))

    assert not np.array_equal(found[0], found[1])


def test_a_flip_twice_is_none_and_turns_about_half_of_all() -> None:
    flipped = [augmenting.augment(IMAGE, ["hflip"], seed=(0, 0, number)) for number in range(200)]

    turned = [one for one in flipped if not np.array_equal(one, IMAGE)]
    assert 70 < len(turned) < 130
    assert all(np.array_equal(one[..., ::-1], IMAGE) for one in turned)


def test_a_rotation_leaves_the_centre_and_turns_what_is_off_it() -> None:
    side = 33
    _y, x = np.mgrid[:side, :side] - side // 2
    ramp = (x / side + 0.5).astype(np.float32)[None]

    for number in range(20):
        found = augmenting.augment(ramp, ["rotate"], seed=(0, 0, number))[0]
        slope = (found[16, 20] - found[16, 12]) * side / 8
        assert np.cos(np.deg2rad(15)) - 1e-3 <= slope <= 1 + 1e-3
        assert found[16, 16] == pytest.approx(0.5, abs=1e-3)


def test_a_crop_shifts_by_an_eighth_at_most() -> None:
    ramp = np.tile(np.arange(16, dtype=np.float32) / 16, (1, 16, 1))

    shifts = {
        float(augmenting.augment(ramp, ["crop"], seed=(0, 0, number))[0, 8, 8] * 16 - 8)
        for number in range(100)
    }

    assert shifts == {-2.0, -1.0, 0.0, 1.0, 2.0}


def test_what_a_crop_uncovers_shows_the_edge_again() -> None:
    ramp = np.arange(16, dtype=np.float32)
    image = np.tile(ramp, (1, 16, 1))

    for number in range(20):
        (row,) = {tuple(row) for row in augmenting.augment(image, ["crop"], seed=(0, 0, number))[0]}
        by = row[8] - 8
        assert np.array_equal(row, np.clip(ramp + by, 0, 15))


def test_resizing_keeps_a_plane_a_plane() -> None:
    ramp = np.tile(np.arange(8, dtype=np.float32), (1, 1, 8, 1))

    large = resizing.resize(ramp, height=16, width=16)

    assert large.shape == (1, 1, 16, 16)
    assert np.allclose(np.diff(large[0, 0, 4, 1:-1]), 0.5, atol=1e-5)


@pytest.mark.parametrize("size", [(4, 4), (5, 11), (16, 16), (40, 9)])
def test_resizing_keeps_the_mean_and_the_range(size: tuple[int, int]) -> None:
    found = resizing.resize(CLIP, height=size[0], width=size[1])

    assert found.shape == (5, 3, *size)
    assert found.dtype == np.float32
    assert found.mean() == pytest.approx(CLIP.mean(), abs=0.03)
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6


def test_a_smaller_image_is_the_mean_of_areas_and_no_choice_of_pixels() -> None:
    stripes = np.tile(np.array([0, 1], dtype=np.float32), (1, 32, 16))

    small = resizing.resize(stripes, height=8, width=8)

    assert np.allclose(small, 0.5, atol=0.1)
