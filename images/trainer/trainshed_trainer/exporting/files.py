"""Folders that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from trainshed_trainer import errors


def prepare(folder: pathlib.Path) -> None:
    """Make a folder and try to write in it, before anything is trained in vain."""
    try:
        probe(folder)
    except OSError as error:
        raise _not_written(folder, error) from error


def probe(folder: pathlib.Path) -> None:
    """Make a folder and write a file in it, of which nothing is left; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f".probe-{os.getpid()}"
    try:
        # A full volume may take a folder; a remote one tells of its bytes when they are to be kept.
        file.write_bytes(b"probe")
        _sync(file)
    finally:
        file.unlink(missing_ok=True)


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
        raise _not_written(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy what is in one folder into another one."""
    for path in sorted(source.rglob("*")):
        to = target / path.relative_to(source)
        if path.is_dir():
            to.mkdir()
        else:
            shutil.copyfile(path, to)


def size(folder: pathlib.Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _not_written(folder: pathlib.Path, error: OSError) -> errors.ExportError:
    return errors.ExportError(
        f"the export can't be written to {folder} ({error.strerror or error}): give"
        " export.volume a volume with room that the pod's group, pod.fsGroup, may write to",
        reason="ExportNotWritten",
    )


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
