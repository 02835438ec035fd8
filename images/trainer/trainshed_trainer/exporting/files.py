"""Folders that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from trainshed_trainer import errors


@contextlib.contextmanager
def whole(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield an empty folder that takes the place of `folder` when the block ends without error."""
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)  # of an attempt that was killed
    try:
        beside.mkdir(parents=True)
        yield beside
        for path in sorted(beside.rglob("*")):
            _sync(path)
        _replace(folder, beside)
        _sync(folder.parent)
    except OSError as error:
        raise errors.ExportError(
            f"the export can't be written to {folder} ({error.strerror or error}): give"
            " export.volume a volume with room that user 1000 may write to",
            reason="ExportNotWritten",
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def size(folder: pathlib.Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _replace(folder: pathlib.Path, by: pathlib.Path) -> None:
    before = folder.with_name(f".{folder.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    by.rename(folder)
    shutil.rmtree(before, ignore_errors=True)


def _sync(path: pathlib.Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
