"""The end of a zip archive, which says how much there is to read: before anything is read."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

_END = struct.Struct("<4s4H2LH")
_LARGE_END = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = b"PK\x01\x02"


@dataclass(frozen=True, slots=True)
class End:
    """What an archive says of its directory."""

    files: int
    begin: int
    """Where the directory begins in the file."""
    size: int
    """Bytes that the directory has."""

    def entries(self, file: BinaryIO) -> int:
        """Return how many entries the directory may have: at least as many as a reader finds."""
        file.seek(self.begin)
        return file.read(self.size).count(_ENTRY)


def read(file: BinaryIO) -> End:
    """Return the end of an archive; raises ValueError where readers may take it for another.

    None is taken with a comment, with bytes before its files, or in several parts.
    """
    length = file.seek(0, io.SEEK_END)
    place = length - _END.size
    sign, disk, first, here, files, size, offset, comment = _END.unpack(_at(file, place, _END.size))
    if sign != b"PK\x05\x06" or comment or disk or first or here != files:
        raise ValueError("it has no plain end")
    locator = place - _LOCATOR.size
    if locator >= 0 and _at(file, locator, 4) == b"PK\x06\x07":
        place = locator - _LARGE_END.size
        files, size, offset = _large(file, place, locator)
    if offset + size != place:
        raise ValueError("its directory is not before its end")
    return End(files, offset, size)


def _large(file: BinaryIO, place: int, locator: int) -> tuple[int, int, int]:
    """Return number of files, and size and place of the directory, of a large archive."""
    found = _LOCATOR.unpack(_at(file, locator, _LOCATOR.size))
    end = _LARGE_END.unpack(_at(file, place, _LARGE_END.size))
    sign, left, _, _, disk, first, here, files, size, offset = end
    plain = sign == b"PK\x06\x06" and left == _LARGE_END.size - 12
    if not plain or disk or first or here != files or found[1:] != (0, place, 1):
        raise ValueError("it has no plain end of a large archive")
    return files, size, offset


def _at(file: BinaryIO, place: int, size: int) -> bytes:
    if place < 0:
        raise ValueError("it is too short")
    file.seek(place)
    return file.read(size)
