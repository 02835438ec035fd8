from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import encoding
from trainshed_trainer import errors, schema
from trainshed_trainer.data import moving, preparing

pytestmark = pytest.mark.numpy
pytest.importorskip("av", reason="no PyAV here: `make test-data` has it")
Image = pytest.importorskip("PIL.Image", reason="no Pillow here: `make test-data` has it")


@pytest.fixture(scope="module")
def clips() -> list[Any]:
    source = moving.read(samples=16, label="direction", seed=0, frames=12, stride=1)
    return [source.load(number) for number in range(16)]


@pytest.fixture
def folder(tmp_path: pathlib.Path, clips: list[Any]) -> pathlib.Path:
    """Return a folder of two classes with four clips of 12 frames each."""
    for number, clip in enumerate(clips[:8]):
        place = tmp_path / ("still" if number < 4 else "moving")
        place.mkdir(exist_ok=True)
        encoding.write(place / f"{number}.mp4", clip)
    return tmp_path


def prepared(folder: pathlib.Path, **asked: Any) -> preparing.Prepared:
    where = {"path": str(folder), "layout": "videos"}
    document = {"folder": where, "preprocess": {"normalize": "none"}, **asked}
    return preparing.prepare(schema.read({"data": document}).data)


def refused(folder: pathlib.Path, **asked: Any) -> errors.DataError:
    with pytest.raises(errors.DataError) as raised:
        prepared(folder, **asked)
    return raised.value


def test_clips_are_read_nearly_as_they_were_written(folder: pathlib.Path, clips: list[Any]) -> None:
    found = prepared(folder, split={"validation": 0.25})

    assert found.classes == ("moving", "still")
    assert found.train.shape == (12, 3, 32, 32)
    whole = np.concatenate([found.train.whole(), found.held.whole()])  # type: ignore[list-item]
    for clip in clips[:8]:
        away = [np.abs(one - clip).mean() for one in whole]
        assert min(away) < 0.05 < sorted(away)[1]


def test_grey_video_has_one_channel(tmp_path: pathlib.Path, clips: list[Any]) -> None:
    for number in range(4):
        (tmp_path / str(number % 2)).mkdir(exist_ok=True)
        path = tmp_path / str(number % 2) / f"{number}.mkv"
        encoding.write(path, clips[number], codec="ffv1", form="gray")

    found = prepared(tmp_path)

    assert found.train.shape == (12, 1, 32, 32)
    first = found.train.batch(np.array([0]), epoch=0)[0]
    assert min(np.abs(first - clip).max() for clip in clips[:4]) <= 0.5 / 255 + 1e-6


def test_frames_and_stride_choose_among_the_frames(folder: pathlib.Path) -> None:
    every = prepared(folder, preprocess={"normalize": "none"})
    some = prepared(folder, preprocess={"normalize": "none", "frames": 4, "stride": 3})

    numbers = np.arange(6)
    expected = every.train.batch(numbers, epoch=0)[:, :10:3]
    assert np.array_equal(some.train.batch(numbers, epoch=0), expected)


def test_frames_are_resized_as_images_are(folder: pathlib.Path) -> None:
    every = prepared(folder, split={"validation": 0.25})
    small = prepared(
        folder,
        split={"validation": 0.25},
        preprocess={"normalize": "none", "resize": [20, 24]},
    )

    levels = np.rint(every.held.batch(np.array([0]), epoch=0)[0] * 255).astype(np.uint8)
    found = small.held.batch(np.array([0]), epoch=0)[0]
    for frame, resized in zip(np.moveaxis(levels, 1, -1), found, strict=True):
        image = Image.fromarray(frame).resize((24, 20), Image.Resampling.BILINEAR)
        assert np.array_equal(np.moveaxis(resized, 0, -1), np.asarray(image, np.float32) / 255)


def test_a_short_clip_says_what_to_do(folder: pathlib.Path) -> None:
    error = refused(folder, preprocess={"frames": 5, "stride": 3})

    assert error.reason == "ShortClip"
    assert "has 12 frames, but 5 frames at a stride of 3 need 13" in str(error)


def test_clips_of_different_lengths_need_a_number_of_frames(
    folder: pathlib.Path, clips: list[Any]
) -> None:
    encoding.write(folder / "still" / "9.mp4", clips[9][:7])

    error = refused(folder)

    assert error.reason == "DifferentLengths"
    assert "still/9.mp4 has 7 frames, others have 12" in str(error)
    assert prepared(folder, preprocess={"frames": 7}).train.shape[0] == 7


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n"
BROKEN = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-700]),
    "cut to its head": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "a text": lambda path: path.write_text("<html>not found</html>"),
    "a playlist of another file": lambda path: path.write_text(PLAYLIST),
    "a list of other files": lambda path: path.write_text("ffconcat version 1.0\nfile 1.mp4\n"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_named_and_left_out_as_far_as_allowed(
    folder: pathlib.Path, kind: str
) -> None:
    (folder / "still" / "other.mp4").write_bytes((folder / "still" / "1.mp4").read_bytes())
    BROKEN[kind](folder / "still" / "0.mp4")

    error = refused(folder)
    assert error.reason == "TooManyCorrupt"
    assert "still/0.mp4 " in str(error)

    found = prepared(folder, maxCorrupt=1)
    assert found.corrupt.count == 1
    assert len(found.train.labels) + len(found.held.labels) == 8


def test_a_video_whose_frames_change_their_size_is_corrupt(
    folder: pathlib.Path, clips: list[Any]
) -> None:
    encoding.write_sizes(folder / "still" / "9.avi", [clips[9][:6], clips[9][6:, :, :16, :24]])

    error = refused(folder)

    assert error.reason == "TooManyCorrupt"
    assert "still/9.avi changes its size midway" in str(error)
    assert prepared(folder, maxCorrupt=1).corrupt.count == 1


def test_a_video_whose_data_ends_early_is_corrupt(tmp_path: pathlib.Path, clips: list[Any]) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        encoding.write(tmp_path / name / "0.avi", clips[0])
        encoding.write(tmp_path / name / "1.avi", clips[1])
    whole = (tmp_path / "a" / "1.avi").read_bytes()
    (tmp_path / "a" / "1.avi").write_bytes(whole[: len(whole) // 2])

    assert refused(tmp_path).reason == "TooManyCorrupt"
