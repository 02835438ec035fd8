from __future__ import annotations

import io
import json
import pathlib
import tarfile
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import encoding
from trainshed_trainer import errors, schema
from trainshed_trainer.data import moving, preparing, sources

pytestmark = pytest.mark.numpy
Image = pytest.importorskip("PIL.Image", reason="no Pillow here: `make test-data` has it")


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 7), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "png")
    return written.getvalue()


def npy(array: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def images(count: int = 12, *, first: int = 0) -> dict[str, bytes]:
    found = {}
    for number in range(first, first + count):
        found[f"set/{number:03}.png"] = png(number)
        found[f"set/{number:03}.cls"] = str(number % 3).encode()
    return found


def write(path: pathlib.Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def prepared(path: pathlib.Path, **asked: Any) -> preparing.Prepared:
    where = {"path": str(path), "layout": "webdataset"}
    document = {"folder": where, "preprocess": {"normalize": "none"}, **asked}
    return preparing.prepare(schema.read({"data": document}).data)


def refused(path: pathlib.Path, **asked: Any) -> errors.DataError:
    with pytest.raises(errors.DataError) as raised:
        prepared(path, **asked)
    return raised.value


def test_images_of_all_shards_are_read_in_order(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "b.tar", images(6, first=6))
    write(tmp_path / "a.tar", images(6))

    source = prepared(tmp_path).train._reader.source

    assert source.classes == ("0", "1", "2")
    assert source.labels.tolist() == [number % 3 for number in range(12)]
    assert [source.title(number) for number in (0, 11)] == ["a.tar/set/000", "b.tar/set/011"]
    assert np.array_equal(source.load(11)[0], Image.open(io.BytesIO(png(11))))


def test_labels_are_numbers_or_texts_in_files_or_in_json(tmp_path: pathlib.Path) -> None:
    files = {}
    for number, label in enumerate([b'{"label": "up"}', b'"down"', b'{"cls": "up"}', b'"down"']):
        files |= {f"{number}.npy": npy(np.zeros((4, 4), np.uint8)), f"{number}.json": label}
    write(tmp_path / "a.tar", files)

    found = prepared(tmp_path / "a.tar")

    assert found.classes == ("down", "up")
    assert found.train._reader.source.labels.tolist() == [1, 0, 1, 0]


def test_clips_may_be_arrays_or_videos(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("av", reason="no PyAV here: `make test-data` has it")
    source = moving.read(samples=16, label="direction", seed=0, frames=6, stride=1)
    files = {}
    for number in range(8):
        clip = source.load(number)
        encoding.write(tmp_path / "clip.mkv", clip, codec="ffv1", form="gray")
        video = (tmp_path / "clip.mkv").read_bytes()
        array = npy((clip[:, 0] * 255).round().astype(np.uint8))
        files[f"{number}.cls"] = str(number % 2).encode()
        files |= {f"{number}.mkv": video} if number % 4 < 2 else {f"{number}.npy": array}
    write(tmp_path / "a.tar", files)

    found = prepared(tmp_path / "a.tar", preprocess={"normalize": "none", "frames": 5})

    assert found.train.shape == (5, 1, 32, 32)
    for number in range(8):
        read = sources.unit(found.train._reader.source.load(number))
        assert np.abs(read - source.load(number)[:5]).max() <= 0.5 / 255 + 1e-6


def corrupted(**changed: bytes | None) -> dict[str, bytes]:
    """Return twelve images with files of the last but two changed, or left out."""
    files = images()
    for suffix, content in changed.items():
        del files[f"set/009.{suffix}"]
        if content is not None:
            files[f"set/009.{suffix}"] = content
    return files


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (corrupted(png=None), "has no input"),
        (corrupted(cls=None), "has no label"),
        (corrupted(png=b""), "is empty"),
        (corrupted(png=png(9)[:-30]), "can't be decoded"),
        (corrupted(cls=b"\xff\xfe"), "has a label that can't be read"),
        (corrupted(cls=b" "), "no whole number and no text"),
        (corrupted(cls=b"9" * 5000), "has a label that can't be read"),
        (corrupted(cls=b"9" * 70000), "is larger than 65536 bytes"),
        ({**corrupted(cls=None), "set/009.json": b"[" * 50000}, "has a label that can't be read"),
        ({**corrupted(cls=None), "set/009.json": b'{"label": true}'}, "no whole number"),
        ({**corrupted(png=None), "set/009.npy": b"\x93NUMPY"}, "is no npy file"),
        ({**corrupted(png=None), "set/009.npy": npy(np.zeros(3))}, "is no image or clip"),
        ({**corrupted(png=None), "set/009.npy": npy(np.zeros((6, 7), int))}, "is of int64"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_named_and_left_out_as_far_as_allowed(
    tmp_path: pathlib.Path, files: dict[str, bytes], said: str
) -> None:
    write(tmp_path / "a.tar", files)

    error = refused(tmp_path)
    assert error.reason == "TooManyCorrupt"
    assert "a.tar/set/009 " in str(error)
    assert said in str(error)

    found = prepared(tmp_path, maxCorrupt=1)
    assert found.corrupt.count == 1
    assert len(found.train.labels) + len(found.held.labels) == 11


def test_links_and_ways_out_in_a_tar_lead_nowhere(tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(99))
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number, kind in enumerate([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]):
            link = tarfile.TarInfo(f"../../{number}.png")
            link.type, link.linkname = kind, str(tmp_path / "secret.png")
            tar.addfile(link)
            label = tarfile.TarInfo(f"../../{number}.cls")
            label.size = 1
            tar.addfile(label, io.BytesIO(b"0"))
        for name, content in images().items():
            member = tarfile.TarInfo(f"/../{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    found = prepared(tmp_path / "a.tar", maxCorrupt=3)

    assert found.corrupt.count == 3
    assert all("has no input" in name for name in found.corrupt.names)
    assert len(found.train.labels) + len(found.held.labels) == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "secret.png"]


def damaged(path: pathlib.Path, kind: str) -> None:
    whole = path.read_bytes()
    if kind == "cut within a file":
        path.write_bytes(whole[: 5 * 1024 + 700])
    elif kind == "a broken head":
        path.write_bytes(whole[: 4 * 1024] + b"\xff" * 512 + whole[4 * 1024 + 512 :])
    elif kind == "compressed":
        with tarfile.open(path, "w:gz") as tar:
            tar.addfile(tarfile.TarInfo("a.png"))
    else:
        path.write_bytes(b"no tar file at all" * 100)


@pytest.mark.parametrize(
    "kind", ["cut within a file", "a broken head", "compressed", "something else"]
)
def test_a_damaged_shard_is_named(tmp_path: pathlib.Path, kind: str) -> None:
    write(tmp_path / "a.tar", images())
    write(tmp_path / "b.tar", images())
    damaged(tmp_path / "b.tar", kind)

    error = refused(tmp_path, maxCorrupt=100)

    assert error.reason == "CorruptShard"
    assert f"{tmp_path / 'b.tar'} can't be read as a tar file" in str(error)


def test_shards_without_samples_say_so(tmp_path: pathlib.Path) -> None:
    assert refused(tmp_path).reason == "NoSamples"
    write(tmp_path / "a.tar", {"README.md": b"hello"})
    assert "each must be an input" in str(refused(tmp_path))


def test_labels_out_of_range_are_named(tmp_path: pathlib.Path) -> None:
    files = images()
    files["set/003.cls"] = json.dumps(7).encode()
    write(tmp_path / "a.tar", files)

    assert refused(tmp_path).reason == "LabelsOutOfRange"
