"""Packages that may be built: what the container that builds them is given, and what it left.

It sees no Secret, and runs code of packages. So what it left is read as hostile: a lock as a user's
own would be, and wheels of a bounded size, of names and versions of that lock.
"""

from __future__ import annotations

import json
import logging
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packaging import requirements as pep508
from packaging import utils

from trainshed.api import reasons
from trainshed.buildpod import (
    failing,
    handing,
    locks,
    objections,
    repacking,
    resolving,
    stubs,
    uv,
    variants,
    verdicts,
    wheelmaking,
    wheelwords,
    wishes,
)
from trainshed.builds import inventories, sdists

BuildReason, Reason = reasons.BuildReason, reasons.Reason
_BASE = f"{sdists.WISH}/base.json"
_MOST_LOCK = 8 << 20
_LOGGED = 40
_UNKNOWN = (BuildReason.PACKAGE_NOT_FOUND, BuildReason.REQUIREMENTS_CONFLICT)
_at = handing.at
_log = logging.getLogger("trainshed.buildpod")


@dataclass(frozen=True, slots=True)
class Made:
    """What was chosen, and wheels of it that were made: of each the hash of its contents."""

    lock: str
    base: str
    """The base that it is for, as a document: what the first step found."""
    folder: pathlib.Path
    """Where the wheels are, written anew."""
    wheels: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each by its file name."""

    def locked(
        self, wish: wishes.Wish, base: inventories.Inventory, *, program: uv.Uv, constraints: str
    ) -> resolving.Lock:
        """Return the lock of a wish on a base, with the wheels that were made; raises BuildFailed.

        What was chosen is taken as a lock that a user gives: none of it replaces what the base has.
        """
        if base.dump() != self.base:
            raise failing.BuildFailed(
                Reason.BUILD_INTERRUPTED,
                "the base image became another one while packages for it were built: it is begun"
                " again; name it by digest in image.base",
                terminal=False,
            )
        if not wish.locked:
            chosen = locks.without(self.lock, variants.known(base.packages).keys())
            wish = wishes.lock(chosen)
        text = resolving.given(wish, base, constraints.splitlines()).text
        self._check(text, base, program)
        known = {_name(each): digest for each, digest in self.wheels.items()}
        return resolving.Lock(locks.allowing(text, known))

    def _check(self, text: str, base: inventories.Inventory, program: uv.Uv) -> None:
        """Raise BuildFailed for a wheel that nobody asked for, or that does not fit the base.

        Nobody asks for one that the lock has not, or that the index has a wheel of: that one is
        taken by the lock's hashes. What the builds say of it is not believed.
        """
        pins = {name: block.split()[0] for name, block in locks.blocks(text).items()}
        for each in self.wheels:
            name, version, *_ = utils.parse_wheel_filename(each)
            pin = pins.get(str(name))
            if pin is None or not pep508.Requirement(pin).specifier.contains(
                version, prereleases=True
            ):
                raise _invalid(f"it made {each[:200]!a}, and the lock has no such version")
            if _offers(program, pin, base):
                raise _invalid(f"it made {each[:200]!a}, and the index has a wheel of {pin[:200]}")
            try:
                program.look(self.folder, f"{name}=={version}", *resolving.target(base))
            except failing.BuildFailed as error:
                if error.reason != BuildReason.WHEEL_MISSING:
                    raise
                raise failing.BuildFailed(
                    BuildReason.COMPILED_FOR_ANOTHER_PYTHON,
                    f"{name}=={version} has no wheel, and was built as {each[:200]}, but the base"
                    f" has Python {base.python} on {base.platform}: use an image.base that fits the"
                    " operator's development image, or a version that has a wheel",
                ) from error


def _offers(program: uv.Uv, pin: str, base: inventories.Inventory) -> bool:
    try:
        return program.offers(pin, *resolving.target(base))
    except failing.BuildFailed as error:
        if error.reason not in _UNKNOWN:
            raise
        raise _invalid(f"it made a wheel of {pin[:200]}, and the index has no such one") from error


def lay_out(
    wish: wishes.Wish,
    base: inventories.Inventory,
    index: uv.Index,
    *,
    constraints: str = "",
    root: pathlib.Path = pathlib.Path("/"),
) -> None:
    """Write what is wanted where packages are built; raises BuildFailed.

    `root`: another folder in tests.
    """
    folder = _at(root, sdists.WISH)
    had = folder / "base"
    had.mkdir(parents=True)
    if wish.locked:
        lock = resolving.given(wish, base, constraints.splitlines())
        (folder / "lock").write_text(lock.text, encoding="utf-8")
    stood = stubs.write(variants.known(base.packages), had)
    texts = {
        "base.txt": _lines([f"{name} @ {each.as_uri()}" for name, each in stood.items()]),
        "wanted.in": _lines(wish.lines),
        "constraints.txt": _lines([*wish.constraints, *constraints.splitlines()]),
        "target.json": json.dumps(resolving.aim(base)),
        "uv.toml": uv.settings(index),
        "authorities.pem": uv.authorities(index),
    }
    for name, text in texts.items():
        if text or name != "authorities.pem":
            (folder / name).write_text(text, encoding="utf-8")
    _at(root, _BASE).write_text(base.dump(), encoding="utf-8")
    found = shutil.which(uv.PROGRAM)
    assert found is not None  # the builder's image has it
    shutil.copy(found, _at(root, sdists.UV))
    # Last: without it nothing is done.
    shutil.copyfile(wheelmaking.__file__, _at(root, sdists.PROGRAM))


def collected(
    index: str, folder: pathlib.Path, *, limit: int, root: pathlib.Path = pathlib.Path("/")
) -> Made:
    """Return what was chosen and made; raises BuildFailed where it could not be.

    `index`: its address. `folder`: where wheels are written anew. `limit`: bytes of them all.
    """
    base = _at(root, _BASE).read_text(encoding="utf-8")
    folder.mkdir(parents=True)
    try:
        return _read(index, base, folder, limit=limit, root=root)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in repacking.FULL:
            raise objections.of("no space left on device", index) from error
        # Such as files that it let nobody read, or names that are none.
        raise _invalid(f"it can't be read ({type(error).__name__})") from error


def _read(index: str, base: str, folder: pathlib.Path, *, limit: int, root: pathlib.Path) -> Made:
    if (code := handing.code(_at(root, sdists.CODE))) != "0":
        told = handing.tail(_at(root, sdists.LOG))
        _log.info("building packages said:\n%s", "\n".join(verdicts.lines(told)[-_LOGGED:]))
        stage, said = (handing.tail(_at(root, each)) for each in (sdists.STAGE, sdists.SAID))
        raise wheelwords.of(stage, said or told, index, code=code)
    return Made(
        lock=_lock(_at(root, sdists.LOCK)),
        base=base,
        folder=folder,
        wheels=_wheels(_at(root, sdists.MADE), folder, limit),
    )


def seconds(root: pathlib.Path = pathlib.Path("/")) -> float:
    """Return how long packages were chosen and built."""
    return handing.seconds(_at(root, sdists.PROGRAM), _at(root, sdists.CODE))


def _lock(path: pathlib.Path) -> str:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_LOCK:
        raise _invalid("it left no lock that can be read")
    return path.read_text(encoding="utf-8", errors="replace")


def _wheels(made: pathlib.Path, folder: pathlib.Path, limit: int) -> dict[str, str]:
    """Write wheels anew into a folder; return the hash of each by its name."""
    # A link to a folder would be followed.
    if made.is_symlink() or not made.is_dir():
        raise _invalid("it left no folder of wheels")
    names: dict[str, str] = {}
    for path in sorted(made.iterdir()):
        shown = f"{path.name[:100]!a}"
        if path.is_symlink() or not path.is_file():
            raise _invalid(f"{shown} is no plain file")
        try:
            name = _name(path.name)
            digest = repacking.repack(path, folder / path.name, limit=limit)
        except utils.InvalidWheelFilename as error:
            raise _invalid(f"{shown} is no wheel's name") from error
        except repacking.Unsound as error:
            raise _invalid(f"of {shown}: {error}") from error
        if name in map(_name, names):
            raise _invalid(f"{shown} is the second one of {name[:100]}")
        names[path.name] = digest
        limit -= (folder / path.name).stat().st_size
    return names


def _name(wheel: str) -> str:
    return str(utils.parse_wheel_filename(wheel)[0])


def _lines(found: Sequence[str]) -> str:
    return "".join(f"{each}\n" for each in found)


def _invalid(why: str) -> failing.BuildFailed:
    return failing.BuildFailed(
        BuildReason.PACKAGE_INVALID,
        f"what the builds of source distributions left can't be installed: {why}: ask for packages,"
        " or versions, that have a wheel",
    )
