"""Where checkpoints lie: a folder of a volume, or a place in object storage.

A checkpoint is written whole or not at all. Its files are a few; `meta.json` is the last.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Protocol

from trainshed_trainer import errors, storages

META = "meta.json"
_NAME = re.compile(r"^step-(\d{8,})$")
_LEFTOVER = re.compile(r"^\.step-\d+\.")


class Store(Protocol):
    """Checkpoints by their step. Whatever fails raises OSError."""

    @property
    def place(self) -> str:
        """What a person calls the place."""

    def prepare(self) -> None:
        """Make sure that it can be written; tidy up what was never finished."""

    def steps(self) -> list[int]:
        """Return the steps of whole checkpoints, in order."""

    def write(self, step: int, files: Mapping[str, bytes]) -> None:
        """Write a checkpoint."""

    def read(self, step: int) -> dict[str, bytes]:
        """Return the files of a checkpoint."""

    def remove(self, step: int) -> None:
        """Remove a checkpoint."""


def name_of(step: int) -> str:
    """Return the name of a checkpoint's folder."""
    return f"step-{step:08d}"


def step_of(name: str) -> int | None:
    """Return the step of a folder's name; None where it is none."""
    found = _NAME.match(name)
    return int(found[1]) if found else None


class Folder:
    """Checkpoints in a folder: written beside, synchronised, then renamed."""

    def __init__(self, path: str) -> None:
        self.place = path
        self._path = pathlib.Path(path)

    def prepare(self) -> None:
        """Make the folder, try to write in it, and remove what was never finished."""
        self._path.mkdir(parents=True, exist_ok=True)
        for each in self._path.iterdir():
            if _LEFTOVER.match(each.name):
                shutil.rmtree(each, ignore_errors=True)
        probe = self._path / f".step-0.probe-{os.getpid()}"
        try:
            probe.mkdir()
            # A full volume may take a folder: only bytes that are to stay there tell of it.
            _write(probe / META, b"probe")
        finally:
            shutil.rmtree(probe, ignore_errors=True)

    def steps(self) -> list[int]:
        """Return the steps of whole checkpoints, in order."""
        try:
            names = [each.name for each in self._path.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(step for step in map(step_of, names) if step is not None)

    def write(self, step: int, files: Mapping[str, bytes]) -> None:
        """Write a checkpoint; a failure leaves nothing of it."""
        beside = self._path / f".{name_of(step)}.{os.getpid()}"
        try:
            beside.mkdir()
            for name, data in files.items():
                _write(beside / name, data)
            _synchronise(beside)
            self._replace(step, beside)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            raise

    def read(self, step: int) -> dict[str, bytes]:
        """Return the files of a checkpoint."""
        folder = self._path / name_of(step)
        return {each.name: each.read_bytes() for each in sorted(folder.iterdir())}

    def remove(self, step: int) -> None:
        """Remove a checkpoint: renamed first, so that no half of it is ever taken for one."""
        beside = self._path / f".{name_of(step)}.removed"
        with contextlib.suppress(FileNotFoundError):
            (self._path / name_of(step)).rename(beside)
        shutil.rmtree(beside, ignore_errors=True)

    def _replace(self, step: int, by: pathlib.Path) -> None:
        """Give a folder a checkpoint's name; one that has it is moved aside, whole, before."""
        target, before = self._path / name_of(step), self._path / f".{name_of(step)}.before"
        shutil.rmtree(before, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            target.rename(before)
        by.rename(target)
        _synchronise(self._path)
        shutil.rmtree(before, ignore_errors=True)


class Remote:
    """Checkpoints in object storage, which has no renaming: one without `meta.json` is none."""

    def __init__(self, uri: str) -> None:
        self.place = uri
        with _told(uri):
            self._files, path = storages.at(uri)
        self._path = path.rstrip("/")

    def prepare(self) -> None:
        """Write a small file and remove it."""
        probe = f"{self._path}/.probe"
        with _told(self.place):
            # Without makedirs, here and elsewhere: it would create a bucket that is misspelt.
            self._files.pipe_file(probe, b"")
            self._files.rm_file(probe)

    def steps(self) -> list[int]:
        """Return the steps of whole checkpoints, in order."""
        with _told(self.place):
            self._files.invalidate_cache()
            names = (path.rsplit("/", 1)[-1] for path in self._listed(self._path))
            steps = sorted(step for step in map(step_of, names) if step is not None)
            return [step for step in steps if self._is_whole(step)]

    def write(self, step: int, files: Mapping[str, bytes]) -> None:
        """Write a checkpoint, `meta.json` last; that of one of the same step is removed first."""
        folder = f"{self._path}/{name_of(step)}"
        with _told(self.place):
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(f"{folder}/{META}")
            for name in sorted(files, key=lambda name: name == META):
                self._files.pipe_file(f"{folder}/{name}", files[name])

    def read(self, step: int) -> dict[str, bytes]:
        """Return the files of a checkpoint."""
        with _told(self.place):
            paths = self._files.ls(f"{self._path}/{name_of(step)}", detail=False)
            return {path.rsplit("/", 1)[-1]: self._files.cat_file(path) for path in sorted(paths)}

    def remove(self, step: int) -> None:
        """Remove a checkpoint, `meta.json` first."""
        folder = f"{self._path}/{name_of(step)}"
        with _told(self.place), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{folder}/{META}")
            # One by one: Google's storage has no request for many.
            for path in self._listed(folder):
                self._files.rm_file(path)

    def _is_whole(self, step: int) -> bool:
        folder = f"{self._path}/{name_of(step)}"
        return any(path.endswith(f"/{META}") for path in self._listed(folder))

    def _listed(self, folder: str) -> list[str]:
        """Return the paths in a folder; unlike `glob`, it never takes a refusal for nothing."""
        try:
            return [path.rstrip("/") for path in self._files.ls(folder, detail=False)]
        except FileNotFoundError:
            return []


def at(place: str) -> Store:
    """Return the store at a path or URI."""
    place = place.removeprefix("file://")
    return Remote(place) if "://" in place else Folder(place)


@contextlib.contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn what the storages' libraries raise, which is anything, into OSError."""
    try:
        yield
    except ImportError as error:
        raise errors.ConfigurationError(
            f"{uri} needs the Python package {error.name or error}: install it"
            " (`pip install trainshed-trainer[data]`)",
            reason="MissingPackage",
        ) from error
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _write(path: pathlib.Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _synchronise(folder: pathlib.Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
