"""What goes onto a base."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from trainshed.builds import requests
from trainshed.registry import packing

LIBRARY = {"__init__.py": b"", "launch.py": b"launch()"}


def request(code: bytes = b"1", *, compression: str = "zstd") -> requests.Request:
    return requests.Request(
        base_digest="sha256:" + "a" * 64,
        library=requests.tree_hash(LIBRARY),
        source={"train.py": code},
        entrypoint=("python3", "train.py"),
        compression=compression,
    )


async def test_the_library_lies_below_the_code_and_is_packed_once() -> None:
    packer = packing.Packer(LIBRARY)

    packed = await asyncio.gather(*(packer.pack(request(b"%d" % each)) for each in range(20)))

    assert len({id(library) for library, _ in packed}) == 1
    assert len({code.digest for _, code in packed}) == 20
    assert [each.comment for each in packed[0]] == [
        "trainshed: training library",
        "trainshed: code",
    ]


async def test_each_compression_has_a_library_of_its_own() -> None:
    packer = packing.Packer(LIBRARY)

    zstd, gzip = [(await packer.pack(request(compression=each)))[0] for each in ("zstd", "gzip")]

    assert zstd.diff_id == gzip.diff_id
    assert zstd.media_type != gzip.media_type


def test_the_library_is_read_without_byte_code(tmp_path: pathlib.Path) -> None:
    package = tmp_path / "trainshed_trainer"
    for name in ("__init__.py", "data/digits.py", "data/__pycache__/digits.pyc"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_bytes(name.encode())

    assert packing.read_library(tmp_path) == {
        "__init__.py": b"__init__.py",
        "data/digits.py": b"data/digits.py",
    }


def test_a_folder_without_the_library_is_told(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="set trainerLibrary"):
        packing.read_library(tmp_path)
