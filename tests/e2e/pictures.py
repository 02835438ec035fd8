"""Small pictures of two classes for a claim's folder: one is bright above, the other below."""

from __future__ import annotations

import io
import pathlib
import struct
import tarfile
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
BROKEN = b"\x89PNG\r\n\x1a\n and no more"


def drawn(count: int, *, side: int = 16) -> tuple[Grey, NDArray[np.int64]]:
    """Return pictures (count, side, side) with their labels, 0 and 1 in turns."""
    labels = np.arange(count) % 2
    pixels = np.random.default_rng(0).integers(0, 100, (count, side, side), dtype=np.uint8)
    for picture, label in zip(pixels, labels, strict=True):
        half = picture[: side // 2] if label == 0 else picture[side // 2 :]
        half += 100
    return pixels, labels


def write_folders(
    root: pathlib.Path,
    *,
    classes: Sequence[str] = ("above", "below"),
    sides: Sequence[int] = (16,),
    count: int = 12,
) -> None:
    """Write a folder of so many pictures a class, in each of which their sides take turns."""
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels, _ = drawn(2, side=sides[number % len(sides)])
            (root / name / f"{number}.png").write_bytes(png(pixels[label]))


def write_shard(path: pathlib.Path, *, broken: int = 0) -> None:
    """Write a WebDataset shard, of which some pictures can't be read."""
    pixels, labels = drawn(24)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as shard:
        for number, label in enumerate(labels):
            picture = BROKEN if number < broken else png(pixels[number])
            _add(shard, f"{number:03}.png", picture)
            _add(shard, f"{number:03}.cls", str(label).encode())


def png(pixels: Grey) -> bytes:
    """Return a grey picture (height, width) as a PNG file."""
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    size, check = struct.pack(">I", len(content)), zlib.crc32(kind + content)
    return size + kind + content + struct.pack(">I", check)


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    shard.addfile(member, io.BytesIO(content))
