"""Installs a lock so that each big distribution lies alone: its layer has no byte of another's."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainshed.buildpod import distributions, locks

Install = Callable[[pathlib.Path, pathlib.Path], None]
"""Installs a file, a lock, into a folder; raises BuildFailed."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Folders of packages: of each big distribution by its name, and of all others together."""

    alone: Mapping[str, pathlib.Path]
    rest: pathlib.Path


@dataclass(frozen=True, slots=True)
class Installer:
    """Installs into folders below one."""

    folder: pathlib.Path
    install: Install

    def run(self, lock: str, *, room: int, limit: int, beside: Mapping[str, int]) -> Installed:
        """Return what a lock gives; raises BuildFailed.

        `room`: so many big distributions have a layer. `limit`, `beside`: bytes that all may have,
        and those that others have. Wheels are fetched once: whoever installs has a cache.
        """
        rest = self._of(lock, "packages")
        distributions.check(rest, limit=limit, beside=beside)
        blocks = locks.blocks(lock)
        names = [name for name in distributions.big(rest, room=room) if name in blocks]
        alone = {name: self._empty(f"alone-{name}") for name in names}
        if not distributions.part(rest, alone):
            alone = {name: self._of(blocks[name], f"alone-{name}") for name in names}
            rest = self._of(locks.without(lock, alone.keys()), "packages")
        self._settle(rest, blocks)
        for each in (*alone.values(), rest):
            distributions.check(each, limit=limit)
            distributions.tidy(each)
        return Installed(alone, rest)

    def _settle(self, rest: pathlib.Path, blocks: Mapping[str, str]) -> None:
        """Of files that several distributions have, take the last one's by name.

        uv installs them side by side: which it wrote last is another one each time.
        """
        for name, files in distributions.contested(rest).items():
            if name not in blocks:
                continue
            own = self._of(blocks[name], f"settled-{name}")
            for each in files:
                if (own / each).is_file():
                    (own / each).replace(rest / each)
            shutil.rmtree(own)

    def _empty(self, name: str) -> pathlib.Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _of(self, lock: str, name: str) -> pathlib.Path:
        folder = self._empty(name)
        if lock:
            file = self.folder / f"{name}.lock"
            file.write_text(lock, encoding="utf-8")
            self.install(file, folder)
        return folder
