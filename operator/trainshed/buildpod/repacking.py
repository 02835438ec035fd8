"""Writes a stranger's wheel anew, so that its hash is of its contents. Nothing of it is run."""

from __future__ import annotations

import errno
import hashlib
import lzma
import pathlib
import shutil
import stat
import struct
import zipfile
import zlib

from trainshed.buildpod import zipends

_FIRST = (1980, 1, 1, 0, 0, 0)
"""The first moment that an archive can name."""
_MOST_FILES = 100_000
MOST_DIRECTORY = 32 << 20
"""Bytes that an archive's list of files may have: all of it is read into memory."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the error of a disk that is full: no archive's fault."""
_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


class Unsound(Exception):
    """An archive that can't be taken; the message says why."""


def repack(wheel: pathlib.Path, out: pathlib.Path, *, limit: int) -> str:
    """Write a wheel's files into another one; return the sha256 of that. Raises Unsound.

    Equal names, contents and rights give equal bytes, whoever packed them, and when. `limit`:
    bytes that its files may have. OSError where the disk is full.
    """
    try:
        _check_end(wheel)
        with zipfile.ZipFile(wheel) as found, zipfile.ZipFile(out, "w") as fresh:
            for each in _checked(found, limit):
                with found.open(each) as source, fresh.open(_entry(each), "w") as target:
                    # No more than was declared: an archive that lies about it ends with an error.
                    shutil.copyfileobj(source, target)
    # What zipfile says of archives that are broken, encrypted, or made to confuse it.
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        raise Unsound(f"it can't be read ({type(error).__name__})") from error
    with out.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_end(wheel: pathlib.Path) -> None:
    """Raise Unsound, or ValueError, before a list of files is read that is too long."""
    with wheel.open("rb") as file:
        end = zipends.read(file)
        if end.files > _MOST_FILES or end.size > MOST_DIRECTORY:
            raise Unsound(
                f"it has {end.files} files, listed in {end.size} bytes, and {_MOST_FILES} in"
                f" {MOST_DIRECTORY} are allowed"
            )
        if end.entries(file) != end.files:
            raise Unsound("it has another number of files than it says")


def _checked(found: zipfile.ZipFile, limit: int) -> list[zipfile.ZipInfo]:
    listed = [each for each in found.infolist() if not each.is_dir()]
    total = sum(each.file_size for each in listed)
    if len(listed) > _MOST_FILES or total > limit:
        raise Unsound(
            f"it has {len(listed)} files of {total} bytes, and {_MOST_FILES} of {limit} are allowed"
        )
    if len({each.filename for each in listed}) < len(listed):
        raise Unsound("it has two files of one name")
    if any(stat.S_ISLNK(each.external_attr >> 16) for each in listed):
        raise Unsound("it has a link")
    return sorted(listed, key=lambda each: each.filename)


def _entry(found: zipfile.ZipInfo) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(found.filename, _FIRST)
    runs = (found.external_attr >> 16) & 0o111
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | (0o755 if runs else 0o644)) << 16
    # Told before it is written, so that large files are written in one way only.
    entry.file_size = found.file_size
    return entry
