"""Wheels that are written anew: the same for the same contents, or refused."""

from __future__ import annotations

import io
import pathlib
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable

import pytest

from trainshed.buildpod import repacking

LIMIT = 1 << 20
Entry = tuple[str, bytes, int]
FILES: tuple[Entry, ...] = (("a.py", b"A = 1\n", 0o644), ("bin/run", b"#!/bin/sh\n", 0o755))


def archive(
    *entries: Entry, year: int = 2020, way: int = zipfile.ZIP_DEFLATED, kind: int = stat.S_IFREG
) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", way) as packed:
        warnings.simplefilter("ignore")  # of two files of one name
        for name, data, mode in entries:
            entry = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            entry.external_attr = (kind | mode) << 16
            entry.compress_type = way
            packed.writestr(entry, data)
    return out.getvalue()


def repacked(folder: pathlib.Path, data: bytes, *, limit: int = LIMIT) -> str:
    (folder / "in.whl").write_bytes(data)
    return repacking.repack(folder / "in.whl", folder / "out.whl", limit=limit)


def test_times_order_and_compression_make_no_difference(tmp_path: pathlib.Path) -> None:
    one = repacked(tmp_path, archive(*FILES))
    other = repacked(tmp_path, archive(*reversed(FILES), year=2024, way=zipfile.ZIP_STORED))
    assert one == other


@pytest.mark.parametrize(
    "other",
    [
        (("a.py", b"A = 2\n", 0o644), FILES[1]),
        (("b.py", b"A = 1\n", 0o644), FILES[1]),
        (("a.py", b"A = 1\n", 0o755), FILES[1]),
        FILES[:1],
    ],
    ids=["contents", "a name", "rights", "fewer"],
)
def test_what_an_image_would_differ_by_does(
    tmp_path: pathlib.Path, other: tuple[Entry, ...]
) -> None:
    assert repacked(tmp_path, archive(*FILES)) != repacked(tmp_path, archive(*other))


def test_what_comes_out_has_the_same_files(tmp_path: pathlib.Path) -> None:
    repacked(tmp_path, archive(*FILES, ("empty/", b"", 0o755)))
    with zipfile.ZipFile(tmp_path / "out.whl") as found:
        got = [(each.filename, found.read(each), each.external_attr >> 16 & 0o777)
               for each in found.infolist()]  # fmt: skip
    assert got == list(FILES)


def _lying() -> bytes:
    data = bytearray(archive(("a.py", b"A" * 100, 0o644), way=zipfile.ZIP_STORED))
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 10)
    return bytes(data)


def _ended(
    *, count: int = 2, disk: int = 2, size: int | None = None, comment: bytes = b""
) -> bytes:
    """Return an archive with another end record."""
    data = archive(*FILES)
    had = struct.unpack("<4s4H2LH", data[-22:])
    size = had[5] if size is None else size
    return (
        data[:-22]
        + struct.pack("<4s4H2LH", had[0], 0, 0, disk, count, size, had[6], len(comment))
        + comment
    )


def _vast() -> bytes:
    """Return an archive whose end record says that most of it is a directory."""
    data = bytes(repacking.MOST_DIRECTORY + 1)
    return data + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(data), 0, 0)


def _large(place: int = 0) -> bytes:
    """Return an archive with the end of one that is larger than 4 GiB."""
    data = archive(*FILES)
    _, _, _, _, count, size, begin, _ = struct.unpack("<4s4H2LH", data[-22:])
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, begin)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(data) - 22 + place, 1)
    return data[:-22] + end + locator + data[-22:]


def test_an_archive_that_may_be_larger_than_others_is_taken(tmp_path: pathlib.Path) -> None:
    assert repacked(tmp_path, _large()) == repacked(tmp_path, archive(*FILES))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no archive": lambda: b"PK",
    "half of one": lambda: archive(*FILES)[:-9],
    "other bytes than their sum": lambda: archive(*FILES, way=zipfile.ZIP_STORED).replace(
        b"A = 1", b"A = 2"
    ),
    "a size that is not true": _lying,
    "more than is allowed": lambda: archive(("a.bin", bytes(LIMIT + 1), 0o644)),
    "two files of one name": lambda: archive(FILES[0], FILES[0]),
    "a comment, in which another end may be": lambda: _ended(comment=b"more"),
    "a directory of more bytes than it has": lambda: _ended(size=1 << 20),
    "a directory that is larger than any": lambda: _vast(),
    "more files than it says": lambda: _ended(count=1),
    "another number on this disk": lambda: _ended(disk=1),
    "an end for large archives that lies elsewhere": lambda: _large(place=7),
    "a link": lambda: archive(("a.py", b"/etc/passwd", 0o777), kind=stat.S_IFLNK),
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_sound_archive_is_refused(
    tmp_path: pathlib.Path, made: Callable[[], bytes]
) -> None:
    with pytest.raises(repacking.Unsound):
        repacked(tmp_path, made())
