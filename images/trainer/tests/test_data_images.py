from __future__ import annotations

import io
import os
import pathlib
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from trainshed_trainer import errors, schema
from trainshed_trainer.data import preparing, resizing

pytestmark = pytest.mark.numpy
Image = pytest.importorskip("PIL.Image", reason="no Pillow here: `make test-data` has it")
pictures = pytest.importorskip("trainshed_trainer.data.pictures")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder of two classes with eight grey images of 10 by 12 pixels each."""
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(8):
            draw(tmp_path / name / f"{number}.png", seed=number)
    return tmp_path


def draw(path: pathlib.Path, *, seed: int = 0, shape: Any = (10, 12)) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def prepared(folder: pathlib.Path, **asked: Any) -> preparing.Prepared:
    where = {"path": str(folder), "layout": "images"}
    return preparing.prepare(schema.read({"data": {"folder": where, **asked}}).data)


def refused(folder: pathlib.Path, **asked: Any) -> errors.DataError:
    with pytest.raises(errors.DataError) as raised:
        prepared(folder, **asked)
    return raised.value


def test_a_folder_is_a_class_and_each_file_a_sample(folder: pathlib.Path) -> None:
    found = prepared(folder, preprocess={"normalize": "none"}, split={"validation": 0.25})

    assert found.classes == ("cats", "dogs")
    assert found.train.shape == (1, 10, 12)
    assert np.bincount(found.train.labels).tolist() == [6, 6]
    assert np.bincount(found.held.labels).tolist() == [2, 2]
    expected = np.asarray(Image.open(folder / "cats" / "0.png"), dtype=np.float32) / 255
    whole = np.concatenate([found.train.whole(), found.held.whole()])  # type: ignore[list-item]
    assert any(np.array_equal(one[0], expected) for one in whole)


def test_files_of_many_kinds_are_read_as_three_channels(folder: pathlib.Path) -> None:
    draw(folder / "cats" / "a.bmp", shape=(10, 12, 3))
    draw(folder / "cats" / "b.JPG", shape=(10, 12, 3))
    draw(folder / "dogs" / "c.webp", shape=(10, 12, 4))
    (folder / "dogs" / "README.txt").write_text("no image")
    (folder / "dogs" / ".hidden.png").write_text("no image")

    found = prepared(folder)

    assert found.train.shape == (3, 10, 12)
    assert len(found.train.labels) + len(found.held.labels) == 19


def test_what_the_file_system_keeps_at_the_top_of_a_volume_is_no_class(
    folder: pathlib.Path,
) -> None:
    (folder / "lost+found").mkdir(mode=0o700)

    assert prepared(folder).classes == ("cats", "dogs")


def test_deep_grey_keeps_its_depth(folder: pathlib.Path) -> None:
    for path in folder.rglob("*.png"):
        deep = np.random.default_rng(0).integers(0, 65536, (10, 12), dtype=np.uint16)
        Image.fromarray(deep).save(path)

    found = prepared(folder, preprocess={"normalize": "none"})

    batch = found.train.batch(np.array([0]), epoch=0)
    assert np.allclose(batch[0, 0], deep / 65535, atol=1e-6)


def test_deep_grey_is_resized_with_its_depth(folder: pathlib.Path) -> None:
    for path in folder.rglob("*.png"):
        Image.fromarray(np.full((10, 12), 33001, dtype=np.uint16)).save(path)

    found = prepared(folder, preprocess={"normalize": "none", "resize": [4, 5]})

    batch = found.train.batch(np.array([0]), epoch=0)
    assert batch.shape == (1, 1, 4, 5)
    assert np.allclose(batch, 33001 / 65535, atol=1e-6)


@pytest.mark.parametrize("shape", [(10, 12), (10, 12, 3)], ids=["grey", "colours"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "read"])
def test_whoever_serves_a_model_resizes_by_pillow_and_normalises_by_the_statistics(
    folder: pathlib.Path, shape: tuple[int, ...], kept: bool
) -> None:
    for number, path in enumerate(folder.rglob("*.png")):
        draw(path, seed=number, shape=shape)
    where = {"path": str(folder), "layout": "images"}
    asked = schema.read({"data": {"folder": where, "preprocess": {"resize": [6, 7]}}}).data

    found = preparing.prepare(asked, room=None if kept else preparing.Room(kept=0))

    assert found.statistics is not None
    known = found.statistics.to_dict()
    held = found.held.batch(np.arange(len(found.held.labels)), epoch=0)
    for number, inputs in zip(found.held._numbers, held, strict=True):
        with Image.open(folder / found.held._reader.source.title(number)) as image:
            pixels = np.asarray(image.resize((7, 6), Image.Resampling.BILINEAR)) / 255
        expected = (pixels - np.array(known["mean"])) / np.array(known["deviation"])
        assert np.abs(np.moveaxis(inputs, 0, -1).reshape(expected.shape) - expected).max() < 1e-5


def test_what_pillow_makes_smaller_is_what_the_weights_make_but_for_levels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype=np.uint8)

    found = pictures.levels(Image.fromarray(pixels), (12, 21))

    assert (found.shape, found.dtype) == ((3, 12, 21), np.uint8)
    planes = np.moveaxis(pixels, -1, 0).astype(np.float32)
    assert np.abs(found - resizing.resize(planes, height=12, width=21)).max() < 1.5


@pytest.mark.parametrize("augment", [[], ["hflip", "crop"], ["rotate", "noise"]], ids=str)
def test_a_set_that_is_not_kept_has_the_same_numbers_bit_for_bit(
    folder: pathlib.Path, augment: list[str]
) -> None:
    for number, path in enumerate(folder.rglob("*.png")):
        draw(path, seed=number, shape=(10, 12, 3))
    where = {"path": str(folder), "layout": "images"}
    document = {"folder": where, "preprocess": {"resize": [8, 9], "augment": augment}}
    asked = schema.read({"data": document}).data
    kept, read = (preparing.prepare(asked, room=room) for room in (None, preparing.Room(kept=0)))

    for epoch in (1, 2):
        batches = [each.train.batch(np.arange(12), epoch=epoch) for each in (kept, read)]
        assert np.array_equal(*batches)
        # As both frameworks compute: nothing is to be put in another order.
        assert all(np.moveaxis(each, 1, -1).flags.c_contiguous for each in batches)


def test_a_camera_held_upright_is_heeded(folder: pathlib.Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    for path in folder.rglob("*.png"):
        Image.open(path).save(path.with_suffix(".jpg"), exif=exif)
        path.unlink()

    assert prepared(folder).train.shape == (1, 12, 10)


def test_images_of_different_sizes_need_a_size(folder: pathlib.Path) -> None:
    draw(folder / "dogs" / "9.png", shape=(20, 12))

    error = refused(folder)

    assert error.reason == "DifferentSizes"
    assert "dogs/9.png is 20x12 pixels, others are 10x12: set data.preprocess.resize" in str(error)
    assert prepared(folder, preprocess={"resize": [8, 9]}).train.shape == (1, 8, 9)


def png(width: int, height: int) -> bytes:
    """Return a PNG file whose head claims a size that its data does not have."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def cut(path: pathlib.Path) -> None:
    whole = io.BytesIO()
    Image.open(path).save(whole, "png")
    path.write_bytes(whole.getvalue()[:-40])


BROKEN = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": cut,
    "a text": lambda path: path.write_text("<html>not found</html>"),
    "a page of another language": lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n"),
    "a bomb": lambda path: path.write_bytes(png(60_000, 60_000)),
    "a smaller bomb": lambda path: path.write_bytes(png(9000, 9000)),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("gone.png")),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_named_and_left_out_as_far_as_allowed(
    folder: pathlib.Path, kind: str
) -> None:
    BROKEN[kind](folder / "cats" / "3.png")

    error = refused(folder)
    assert error.reason == "TooManyCorrupt"
    assert str(error).startswith(
        "1 samples can't be read, and data.maxCorrupt allows 0: cats/3.png "
    )

    found = prepared(folder, maxCorrupt=1)
    assert found.corrupt.count == 1
    assert len(found.train.labels) + len(found.held.labels) == 15


def test_a_name_that_no_terminal_shows_is_told_harmlessly(folder: pathlib.Path) -> None:
    name = os.fsencode(folder / "cats") + b"/\xff\x1b[2J\n.png"
    with open(name, "wb"):
        pass

    error = refused(folder)

    assert r"cats/\udcff?[2J?.png is empty" in str(error)


def test_a_link_out_of_the_folder_is_refused(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.png"
    draw(outside)
    (folder / "cats" / "8.png").symlink_to(outside)

    assert refused(folder).reason == "UnsafePath"
    outside.unlink()


def test_links_within_the_folder_are_followed(folder: pathlib.Path) -> None:
    (folder / "cats" / "8.png").symlink_to(folder / "cats" / "1.png")

    assert len(prepared(folder).train.labels) == 13


def test_a_pipe_is_no_image(folder: pathlib.Path) -> None:
    os.mkfifo(folder / "cats" / "9.png")

    assert len(prepared(folder).train.labels) == 12


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ([], "NoSamples"),
        (["cats"], "EmptyClass"),
        (["a.png"], "NoSamples"),
        (["cats/a.png"], "OneClass"),
        (["cats/a.png", "dogs/"], "EmptyClass"),
    ],
)
def test_a_folder_that_nothing_can_be_learnt_from_says_why(
    tmp_path: pathlib.Path, made: list[str], reason: str
) -> None:
    for name in made:
        path = tmp_path / name
        if name.endswith(".png"):
            path.parent.mkdir(exist_ok=True)
            draw(path)
        else:
            path.mkdir(exist_ok=True)

    assert refused(tmp_path).reason == reason


def test_a_folder_that_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    error = refused(tmp_path / "gone")

    assert error.reason == "FolderUnreadable"
    assert "see that its volume is mounted" in str(error)


def test_the_order_is_that_of_names(folder: pathlib.Path) -> None:
    one, other = prepared(folder), prepared(folder)

    assert one.train._reader.source.title(0) == "cats/0.png"
    assert np.array_equal(one.train.labels, other.train.labels)
    assert np.array_equal(
        one.train.batch(np.arange(5), epoch=0), other.train.batch(np.arange(5), epoch=0)
    )
