"""Folders of files: one folder a class, or files beside each other. In the order of names.

A link is followed only as far as it stays within the folder; what is no file is left alone.
"""

from __future__ import annotations

import functools
import os
import pathlib
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from trainshed_trainer import errors
from trainshed_trainer.data import corrupt, sources

Decode = Callable[[BinaryIO, str], sources.Sample]
"""Makes a sample of a file; told its title. Raises corrupt.Corrupt."""
Grey = Callable[[BinaryIO], bool]
"""Whether a file is grey; raises corrupt.Corrupt."""
LOST = "lost+found"
"""A file system's own folder, at the top of a volume: of no class, and for root alone to read."""
LOOKED_AT = 16
"""Of how many files the number of channels is found out."""


@dataclass(frozen=True, slots=True)
class Files:
    """A source whose samples are files."""

    root: pathlib.Path
    paths: tuple[pathlib.Path, ...]
    labels: sources.Numbers
    classes: tuple[str, ...]
    decode: Decode
    groups: sources.Numbers | None = None

    def title(self, number: int) -> str:
        """Return a file's path within the folder."""
        return str(self.paths[number]).removeprefix(f"{self.root}{os.sep}")

    def load(self, number: int) -> sources.Sample:
        """Return what a file holds."""
        with opened(self.paths[number]) as stream:
            return self.decode(stream, self.title(number))


def classed(
    root: pathlib.Path, suffixes: Collection[str], decoder: Callable[[int], Decode], grey: Grey
) -> Files:
    """Return the files in a folder a class; three channels unless those looked at are grey."""
    classes, paths, labels = [], [], []
    for folder in _entries(root):
        if not folder.is_dir():
            continue
        found = [path for path in _entries(folder) if _is(path, suffixes)]
        if not found:
            raise errors.DataError(
                f"the class folder {folder} holds none of {', '.join(sorted(suffixes))}:"
                " add files of the class, or remove the folder",
                reason="EmptyClass",
            )
        classes.append(corrupt.printable(folder.name))
        labels += [len(classes) - 1] * len(found)
        paths += found
    if not paths:
        raise errors.DataError(
            f"{root} holds no samples: it must have one folder a class, with files in each",
            reason="NoSamples",
        )
    decode = decoder(channels([functools.partial(opened, path) for path in paths], grey))
    return Files(root, tuple(paths), np.array(labels, dtype=np.int64), tuple(classes), decode)


def files(root: pathlib.Path, suffix: str) -> list[pathlib.Path]:
    """Return the file that the path names, or those with the suffix in the folder."""
    if root.is_file():
        return [root]
    found = [path for path in _entries(root) if _is(path, (suffix,))]
    if not found:
        raise errors.DataError(
            f"{root} holds no {suffix} files: name another folder", reason="NoSamples"
        )
    return found


def opened(path: pathlib.Path) -> BinaryIO:
    """Return an open file; raises corrupt.Corrupt where it is empty or can't be read."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise corrupt.Corrupt(f"can't be opened ({error.strerror})") from error
    if os.fstat(stream.fileno()).st_size == 0:
        stream.close()
        raise corrupt.Corrupt("is empty")
    return stream


def channels(streams: Sequence[Callable[[], BinaryIO]], grey: Grey) -> int:
    """Return 1 where all files that are looked at are grey, else 3."""
    found = []
    for stream in streams[:: max(1, len(streams) // LOOKED_AT)]:
        try:
            with stream() as file:
                found.append(grey(file))
        except corrupt.Corrupt:  # told of when it is its turn
            continue
    return 1 if found and all(found) else 3


def _entries(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield what a folder holds, hidden files and LOST left out, sorted by name."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise errors.DataError(
            f"{folder} can't be read as a folder ({error.strerror}): name another in data, and see"
            " that its volume is mounted",
            reason="FolderUnreadable",
        ) from error
    own = (name for name in names if not name.startswith(".") and name != LOST)
    yield from (_within(folder, name) for name in own)


def _within(folder: pathlib.Path, name: str) -> pathlib.Path:
    path = folder / name
    if path.is_symlink() and not path.resolve().is_relative_to(folder.parent.resolve()):
        raise errors.DataError(
            f"{corrupt.printable(str(path))} is a link that leads out of its folder: put the files"
            " themselves there",
            reason="UnsafePath",
        )
    return path


def _is(path: pathlib.Path, suffixes: Collection[str]) -> bool:
    if path.suffix.lower() not in suffixes:
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # a link to nothing: opening it says so
        return True
