from __future__ import annotations

import io
import pathlib
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import errors, schema
from trainshed_trainer.data import arrays, corrupt, preparing

pytestmark = pytest.mark.numpy
LABELS = np.arange(12) % 3


def prepared(path: pathlib.Path, **asked: Any) -> preparing.Prepared:
    where = {"path": str(path), "layout": "npz"}
    document = {"folder": where, "preprocess": {"normalize": "none"}, **asked}
    return preparing.prepare(schema.read({"data": document}).data)


def refused(path: pathlib.Path, **asked: Any) -> errors.DataError:
    with pytest.raises(errors.DataError) as raised:
        prepared(path, **asked)
    return raised.value


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("images", (12, 8, 6), (1, 8, 6)),
        ("images", (12, 8, 6, 3), (3, 8, 6)),
        ("images", (12, 3, 8, 6), (3, 8, 6)),
        ("x", (12, 8, 6, 1), (1, 8, 6)),
        ("x", (12, 5, 8, 6), (5, 1, 8, 6)),
        ("clips", (12, 5, 8, 6), (5, 1, 8, 6)),
        ("clips", (12, 5, 8, 6, 3), (5, 3, 8, 6)),
        ("x", (12, 5, 3, 8, 6), (5, 3, 8, 6)),
    ],
)
def test_arrays_of_images_and_clips_are_told_apart(
    tmp_path: pathlib.Path, name: str, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    inputs = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.savez_compressed(tmp_path / "set.npz", **{name: inputs, "y": LABELS})

    found = prepared(tmp_path / "set.npz")

    assert found.train.shape == expected
    assert found.classes == ("0", "1", "2")
    first = found.held._reader.source.load(0)
    assert sorted(first.ravel()) == pytest.approx(sorted(inputs[0].ravel() / 255))


def test_files_of_a_folder_follow_one_another(tmp_path: pathlib.Path) -> None:
    images = np.zeros((12, 4, 4), dtype=np.uint8)
    for name in ("b", "a"):
        np.savez(tmp_path / f"{name}.npz", images=images + (name == "a"), labels=LABELS)

    source = prepared(tmp_path).train._reader.source

    assert len(source.labels) == 24
    assert source.load(0).max() > 0 == source.load(23).max()


def test_labels_may_be_texts_or_have_names(tmp_path: pathlib.Path) -> None:
    images = np.zeros((4, 4, 4))
    np.savez(tmp_path / "a.npz", images=images, labels=np.array(["up", "down", "up", "down"]))
    np.savez(tmp_path / "b.npz", images=images, labels=[0, 1, 0, 1], classes=["up", "down"])

    assert prepared(tmp_path / "a.npz").classes == ("down", "up")
    assert prepared(tmp_path / "b.npz").classes == ("up", "down")


@pytest.mark.parametrize(
    ("content", "reason", "said"),
    [
        ({"labels": LABELS}, "WrongArrays", "has the arrays labels: it must have images, clips"),
        ({"images": np.zeros((12, 4, 4))}, "WrongArrays", "labels or y"),
        ({"images": np.zeros((9, 4, 4)), "y": LABELS}, "WrongArrays", "9 images and 12 labels"),
        ({"images": np.zeros((12, 4)), "y": LABELS}, "WrongArrays", "the shape (12, 4)"),
        ({"images": np.zeros((12, 0, 4)), "y": LABELS}, "WrongArrays", "the shape (12, 0, 4)"),
        ({"images": np.zeros((12, 4, 4), int), "y": LABELS}, "WrongArrays", "uint8, uint16"),
        ({"images": np.zeros((12, 4, 4)), "y": LABELS * 1.0}, "WrongArrays", "whole numbers"),
        ({"images": np.zeros((12, 4, 4)), "y": LABELS - 1}, "LabelsOutOfRange", "label -1"),
        ({"images": np.zeros((12, 4, 4)), "y": LABELS * 2}, "LabelsOutOfRange", "none is 1"),
        ({"images": np.zeros((12, 4, 4)), "y": LABELS * 0}, "OneClass", "one class only"),
        (
            {"images": np.zeros((12, 4, 4)), "y": LABELS * 0 + 1, "classes": ["a", "b"]},
            "OneClass",
            "one class only, 'b'",
        ),
        ({"images": np.zeros((0, 4, 4)), "y": LABELS[:0]}, "NoSamples", "holds no samples"),
        (
            {"images": np.zeros((12, 4, 4)), "y": LABELS, "classes": ["a", "b"]},
            "LabelsOutOfRange",
            "has the label 2, which is not 0 to 1",
        ),
        (
            {"images": np.array([{"a": 1}] * 12, dtype=object), "y": LABELS},
            "WrongArrays",
            "without objects",
        ),
        (
            {"images": np.full((12, 4, 4), np.inf), "y": LABELS},
            "TooManyCorrupt",
            "pixels that are not finite",
        ),
    ],
)
def test_arrays_that_cannot_be_used_say_why(
    tmp_path: pathlib.Path, content: dict[str, Any], reason: str, said: str
) -> None:
    np.savez(tmp_path / "set.npz", **content)

    error = refused(tmp_path / "set.npz")

    assert error.reason == reason
    assert said in str(error)


def test_a_file_that_is_no_npz_says_so(tmp_path: pathlib.Path) -> None:
    (tmp_path / "set.npz").write_bytes(b"PK\x03\x04 but no more")

    assert refused(tmp_path / "set.npz").reason == "WrongArrays"


def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path: pathlib.Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 100, 100)}
    )
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as file:
        file.writestr("images.npy", head.getvalue())
        file.writestr("labels.npy", head.getvalue())

    assert "another length than it says" in str(refused(tmp_path / "set.npz"))


def test_a_file_that_unpacks_to_more_than_the_memory_is_refused(tmp_path: pathlib.Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.zeros((12, 4, 4)), labels=LABELS)
    with zipfile.ZipFile(tmp_path / "set.npz", "a") as file:
        file.writestr("more.npy", b"")
    content = bytearray((tmp_path / "set.npz").read_bytes())
    place = content.rindex(b"PK\x01\x02")  # the last entry of the list at the end
    content[place + 24 : place + 28] = b"\xfe\xff\xff\xff"  # unpacks to 4 GiB, it says
    (tmp_path / "set.npz").write_bytes(content)

    with pytest.raises(errors.DataError, match="too much for the memory") as raised:
        arrays.read(tmp_path / "set.npz", most=2**20)

    assert raised.value.reason == "SetTooLarge"


def test_frames_of_clips_are_chosen(tmp_path: pathlib.Path) -> None:
    clips = np.arange(12 * 9).reshape(12, 9, 1, 1).repeat(4, 2).repeat(4, 3).astype(np.float32)
    np.savez(tmp_path / "set.npz", clips=clips, labels=LABELS)

    chosen = prepared(tmp_path / "set.npz", preprocess={"frames": 3, "stride": 4})
    source = chosen.train._reader.source

    assert source.load(1)[:, 0, 0, 0].tolist() == [9, 13, 17]
    error = refused(tmp_path / "set.npz", preprocess={"frames": 4, "stride": 4})
    assert error.reason == "ShortClip"


@given(st.binary(max_size=200))
def test_whatever_an_npy_file_holds_it_is_read_or_corrupt(content: bytes) -> None:
    for body in (content, b"\x93NUMPY\x01\x00" + content):
        with pytest.raises(corrupt.Corrupt):
            arrays.parsed(body)
