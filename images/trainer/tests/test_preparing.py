from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from trainshed_trainer import errors, schema
from trainshed_trainer.data import corrupt, preparing, statistics

pytestmark = pytest.mark.numpy
NOTHING_KEPT = preparing.Room(kept=0)
TOO_LARGE = preparing.Room(kept=0, checked=0)


def prepared(asked: Any = None, **changed: Any) -> preparing.Prepared:
    document = {"name": "digits", **(asked or {})}
    return preparing.prepare(schema.read({"data": document}).data, **changed)


def broken(tmp_path: pathlib.Path, rows: list[int], **asked: Any) -> dict[str, Any]:
    """Return a set of 40 images in four classes, of which some rows have no finite pixels."""
    images = np.random.default_rng(0).random((40, 6, 6), dtype=np.float32)
    images[rows] = np.nan
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(40) % 4)
    folder = {"path": str(tmp_path / "set.npz"), "layout": "npz"}
    return {"name": None, "folder": folder, "maxCorrupt": len(rows), **asked}


def every_batch(asked: dict[str, Any], room: preparing.Room | None) -> None:
    data = prepared(asked, room=room)
    for split in (data.train, data.held):
        split.batch(np.arange(len(split.labels)), epoch=0)


def test_statistics_are_of_the_training_split_alone() -> None:
    data = prepared()

    train, held = data.train.whole(), data.held.whole()
    assert train is not None
    assert held is not None
    assert train.mean() == pytest.approx(0, abs=1e-5)
    assert train.std() == pytest.approx(1, abs=1e-4)
    assert abs(held.mean()) > 1e-5
    assert data.classes == tuple("0123456789")


def test_without_normalisation_pixels_stay_as_they_are() -> None:
    data = prepared({"preprocess": {"normalize": "none"}})

    whole = data.train.whole()
    assert data.statistics is None
    assert whole is not None
    assert whole.min() == 0
    assert whole.max() == 1


@pytest.mark.parametrize("room", [NOTHING_KEPT, TOO_LARGE], ids=["checked", "too large"])
def test_a_set_that_is_not_kept_has_the_same_batches(room: preparing.Room) -> None:
    asked = {"preprocess": {"resize": [10, 12], "augment": ["crop", "rotate", "noise"]}}
    kept, read = prepared(asked), prepared(asked, room=room)
    numbers = np.array([5, 0, 1400, 5])

    assert read.train.whole() is None
    assert read.held.whole() is None
    assert kept.train.whole() is None
    assert kept.held.whole() is not None
    for epoch in (0, 1):
        expected = kept.train.batch(numbers, epoch=epoch)
        assert np.allclose(read.train.batch(numbers, epoch=epoch), expected, atol=1e-6)
    assert np.allclose(read.held.batch(numbers[:2], epoch=0), kept.held.whole()[numbers[:2]])


def test_augmentation_changes_with_the_epoch_and_spares_what_is_held_out() -> None:
    data = prepared({"preprocess": {"augment": ["noise"]}})
    some = np.arange(4)

    first, again, later = (data.train.batch(some, epoch=epoch) for epoch in (0, 0, 1))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)
    held = [data.held.batch(some, epoch=epoch) for epoch in (0, 1)]
    assert np.array_equal(*held)


def test_statistics_of_a_large_set_are_of_a_part_drawn_by_the_seed() -> None:
    whole = prepared().statistics
    some = [
        prepared(room=preparing.Room(kept=0, checked=0, measured=300 * 256)).statistics
        for _ in range(2)
    ]

    assert whole is not None
    assert some[0] is not None
    assert some[1] is not None
    assert some[0].to_dict() == some[1].to_dict() != whole.to_dict()
    assert some[0].mean == pytest.approx(whole.mean, abs=0.02)
    assert some[0].deviation == pytest.approx(whole.deviation, abs=0.02)


def test_statistics_outlive_a_file_bit_for_bit() -> None:
    found = prepared().statistics
    assert found is not None

    again = statistics.Statistics.from_dict(found.to_dict())

    assert np.array_equal(again.mean, found.mean)
    assert np.array_equal(again.deviation, found.deviation)
    assert again.mean.shape == (1, 1, 1)


def test_statistics_are_exact_where_pixels_are_large_and_differ_little() -> None:
    random = np.random.default_rng(0)
    samples = [(1e4 + random.normal(size=(2, 9, 9))).astype(np.float32) for _ in range(50)]

    found = statistics.measure(samples)

    expected = np.stack(samples).astype(np.float64)
    assert found.mean.ravel() == pytest.approx(expected.mean(axis=(0, 2, 3)), rel=1e-6)
    assert found.deviation.ravel() == pytest.approx(expected.std(axis=(0, 2, 3)), rel=1e-5)


def test_channels_are_measured_each_for_itself_over_all_frames() -> None:
    clip = np.stack([np.zeros((5, 4, 4)), np.ones((5, 4, 4))], axis=1).astype(np.float32)

    found = statistics.measure([clip, clip * 3])

    assert found.mean.ravel().tolist() == [0, 2]
    assert found.deviation.ravel().tolist() == pytest.approx([1e-6, 1])


@pytest.mark.parametrize("room", [None, NOTHING_KEPT], ids=["kept", "checked"])
def test_corrupt_samples_are_counted_named_and_left_out(
    tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str], room: preparing.Room | None
) -> None:
    data = prepared(broken(tmp_path, [0, 7, 21]), room=room)

    assert data.corrupt.count == 3
    assert sorted(data.corrupt.names)[0] == "sample 0 has pixels that are not finite numbers"
    assert len(data.train.labels) + len(data.held.labels) == 37
    assert "left out: sample 21" in capfd.readouterr().err
    for split in (data.train, data.held):
        every = split.batch(np.arange(len(split.labels)), epoch=0)
        assert np.isfinite(every).all()


def test_a_large_set_has_a_sound_sample_of_the_class_stand_in(tmp_path: pathlib.Path) -> None:
    data = prepared(broken(tmp_path, [0, 7, 21]), room=TOO_LARGE)
    every = np.arange(len(data.train.labels))

    found = [data.train.batch(every, epoch=epoch) for epoch in (0, 1)]

    assert len(data.train.labels) + len(data.held.labels) == 40
    assert np.isfinite(found[0]).all()
    assert np.array_equal(*found)
    for split in (data.train, data.held):
        split.batch(np.arange(len(split.labels)), epoch=0)
    assert data.corrupt.count == 3


@pytest.mark.parametrize("room", [None, NOTHING_KEPT, TOO_LARGE], ids=["kept", "checked", "large"])
def test_one_more_than_may_be_corrupt_ends_the_run(
    tmp_path: pathlib.Path, room: preparing.Room | None
) -> None:
    with pytest.raises(errors.DataError, match=r"raise data\.maxCorrupt") as raised:
        every_batch(broken(tmp_path, [3, 4, 17], maxCorrupt=2), room)

    assert raised.value.reason == "TooManyCorrupt"
    assert "3 samples can't be read" in str(raised.value)
    assert "sample 4 has pixels that are not finite numbers" in str(raised.value)


def test_many_are_named_but_a_message_has_few() -> None:
    tally = corrupt.Tally(allowed=30)
    for number in range(30):
        tally.add(f"{number}.png", corrupt.Corrupt("is empty"))

    with pytest.raises(errors.DataError) as raised:
        tally.add("30.png", corrupt.Corrupt("is empty"))

    assert (tally.count, len(tally.names)) == (31, corrupt.NAMED)
    message = str(raised.value)
    assert "31 samples can't be read" in message
    assert "4.png is empty, …: mend or remove them" in message
    assert "5.png" not in message


def test_a_class_of_which_nothing_can_be_read_has_no_stand_in(tmp_path: pathlib.Path) -> None:
    asked = broken(tmp_path, list(range(0, 40, 4)))
    data = prepared({**asked, "preprocess": {"normalize": "none"}}, room=TOO_LARGE)

    with pytest.raises(errors.DataError, match="no sample of class '0' can be read"):
        data.train.batch(np.flatnonzero(data.train.labels == 0), epoch=0)


@pytest.mark.parametrize("room", [None, NOTHING_KEPT], ids=["kept", "checked"])
def test_a_training_split_of_which_one_class_can_be_read_is_refused(
    tmp_path: pathlib.Path, room: preparing.Room | None
) -> None:
    asked = broken(tmp_path, [number for number in range(40) if number % 4 != 2])

    with pytest.raises(errors.DataError, match="training split has one class only, '2'") as raised:
        prepared(asked, room=room)

    assert raised.value.reason == "OneClass"


def test_folds_hold_out_each_sample_once() -> None:
    parts = [prepared(folds=preparing.Folds(count=3, number=number)) for number in range(3)]

    held = np.concatenate([part.held._numbers for part in parts])
    assert sorted(held) == list(range(1797))
    assert [part.folds.number for part in parts if part.folds] == [0, 1, 2]


def test_a_sample_a_class_is_too_few(tmp_path: pathlib.Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 6, 6)), labels=np.arange(3))
    folder = {"path": str(tmp_path / "set.npz"), "layout": "npz"}

    with pytest.raises(errors.DataError, match="no class has two samples"):
        prepared({"name": None, "folder": folder})


def test_images_have_no_frames() -> None:
    with pytest.raises(errors.ConfigurationError, match="are of clips"):
        prepared({"preprocess": {"frames": 4}})
