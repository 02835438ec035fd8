"""The first and the last step of a source with extensions: the code, and what was made of it."""

from __future__ import annotations

import hashlib
import logging
import pathlib
import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from packaging import utils

from trainshed.api import reasons
from trainshed.buildpod import (
    compilations,
    failing,
    fetching,
    handing,
    resolving,
    uv,
    verdicts,
)
from trainshed.builds import compilers, dockerfiles, inventories, orders

BuildReason = reasons.BuildReason
_PROJECTS = ("pyproject.toml", "setup.py")
_PIECE = 1 << 20
_MOST_FILES = 100_000
_MOST_BYTES = 512 << 20
"""Of an extension's own files: the rest is for packages."""
_BROKEN = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error)
_LOGGED = 40
_at = handing.at
_log = logging.getLogger("trainshed.buildpod")


@dataclass(frozen=True, slots=True)
class Wheel:
    """What a source's build made: a stranger's archive, of which nothing but sizes is known."""

    path: pathlib.Path
    name: str
    version: str
    hash: str
    """Of the names and contents in it."""


def lay_out(
    order: orders.Order, fetched: fetching.Fetched, *, root: pathlib.Path = pathlib.Path("/")
) -> None:
    """Write the code where it is compiled; raises BuildFailed. `root`: another folder in tests."""
    if not any(each in fetched.files for each in _PROJECTS):
        near = ", ".join(f"{each[:100]!a}" for each in sorted(fetched.files)[:5]) or "no files"
        raise failing.BuildFailed(
            BuildReason.COMPILE_NOTHING,
            f"source.compile builds the source by its {' or '.join(_PROJECTS)}, and it has neither"
            f" (but {near}): add one at its top, or remove source.compile",
        )
    handing.lay_out(fetched.files, fetched.revision, root)


def collected(order: orders.Order, *, root: pathlib.Path = pathlib.Path("/")) -> fetching.Fetched:
    """Return the code with its extensions; raises BuildFailed where they could not be compiled."""
    handing.check_told(root)
    if handing.code(_at(root, compilers.CODE)) != "0":
        said = handing.tail(_at(root, compilers.LOG))
        _log.info("the compiler said:\n%s", "\n".join(verdicts.lines(said)[-_LOGGED:]))
        raise compilations.of(said)
    found = handing.collected(order.max_bytes, root)
    return replace(found, files=_in_place(found.files, wheel(root=root)))


def wheel(*, root: pathlib.Path = pathlib.Path("/")) -> Wheel:
    """Return what the source's build made; raises BuildFailed."""
    folder = _at(root, compilers.WHEELS)
    # A link to a folder would be followed.
    found = [] if folder.is_symlink() or not folder.is_dir() else sorted(folder.iterdir())
    if len(found) != 1:
        raise _invalid(f"it left {len(found)} files in place of one wheel")
    (path,) = found
    if path.is_symlink() or not path.is_file():
        raise _invalid(f"{path.name[:100]!a} is no plain file")
    try:
        name, version, _, _ = utils.parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as opened:
            _check(opened)
            return Wheel(path, str(name), str(version), _hash(opened))
    except utils.InvalidWheelFilename as error:
        raise _invalid(f"{path.name[:100]!a} is no wheel's name") from error
    # What zipfile says of archives that are broken, encrypted, or made to confuse it.
    except _BROKEN as error:
        raise _invalid(f"{path.name[:100]!a} can't be read ({type(error).__name__})") from error


def _in_place(files: Mapping[str, bytes], made: Wheel) -> dict[str, bytes]:
    """Return the code with those extensions in it that are parts of its own packages.

    The code comes first on the path: its folder of a package hides that of the wheel.
    """
    tops = {each.partition("/")[0] for each in files if "/" in each}
    with zipfile.ZipFile(made.path) as opened:
        found = {each: opened.read(each) for each in _extensions(opened, tops)}
    return {**files, **{name: data for name, data in found.items() if name not in files}}


def install(
    made: Wheel, base: inventories.Inventory, *, program: uv.Uv, folder: pathlib.Path
) -> None:
    """Install a wheel for a base into a folder, running nothing of it; raises BuildFailed."""
    wanted = f"{made.name}=={made.version}"
    try:
        program.add(made.path.parent, wanted, folder, *resolving.target(base))
    except failing.BuildFailed as error:
        if error.reason != BuildReason.WHEEL_MISSING:
            raise
        raise failing.BuildFailed(
            BuildReason.COMPILED_FOR_ANOTHER_PYTHON,
            f"the extensions are compiled as {made.path.name[:200]}, and the base has Python"
            f" {base.python} on {base.platform}: use an image.base that fits the operator's"
            " development image, or have images.devel of the chart name one that fits the base",
        ) from error


def seconds(root: pathlib.Path = pathlib.Path("/")) -> float:
    """Return how long it was compiled."""
    return handing.seconds(_at(root, dockerfiles.REVISION), _at(root, compilers.CODE))


def _extensions(opened: zipfile.ZipFile, tops: set[str]) -> Iterator[str]:
    for each in opened.namelist():
        sound = each == posixpath.normpath(each) and each.partition("/")[0] in tops
        if sound and each.endswith(".so"):
            yield each


def _check(opened: zipfile.ZipFile) -> None:
    listed = opened.infolist()
    total = sum(each.file_size for each in listed)
    if len(listed) > _MOST_FILES or total > _MOST_BYTES:
        raise _invalid(
            f"its wheel has {len(listed)} files of {total} bytes, and {_MOST_FILES} of"
            f" {_MOST_BYTES} are allowed: leave out what the code does not need"
        )


def _hash(opened: zipfile.ZipFile) -> str:
    total = hashlib.sha256()
    for each in sorted(opened.infolist(), key=lambda each: each.filename):
        name = each.filename.encode("utf-8", "surrogateescape")
        total.update(f"{len(name)}:{each.file_size}:".encode() + name)
        with opened.open(each) as file:
            # No more than was declared: an archive that lies about it ends with an error.
            while piece := file.read(_PIECE):
                total.update(piece)
    return total.hexdigest()


def _invalid(why: str) -> failing.BuildFailed:
    return failing.BuildFailed(
        BuildReason.COMPILE_FAILED,
        f"what the source's build made can't be installed: {why}: mend its pyproject.toml or"
        " setup.py; then create the job anew",
    )
