"""Reads a folder of untrusted files into memory: what is ignored, linked, too large or hostile."""

from __future__ import annotations

import os
import pathlib
import stat
from collections.abc import Iterator, Sequence

import pathspec

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import layers, sources

Reason = reasons.Reason

_ALWAYS = (".git",)


def read(folder: pathlib.Path, *, ignore: Sequence[str], limit: int) -> dict[str, bytes]:
    """Return the files below a folder by their names; raises BuildFailed.

    Links that stay inside are kept, and those that lead out are refused. Sizes are looked at
    before anything is read.
    """
    root = folder.resolve()
    names = sorted(_names(root, _left_out(ignore)))
    _check_size({name: (root / name).lstat().st_size for name in names}, limit)
    files = {name: _content(root, name) for name in names}
    try:
        sources.check(files, limit=limit)
    except UnicodeError as error:
        raise failing.BuildFailed(
            Reason.SOURCE_INVALID,
            "a file's name is no UTF-8: rename it, or put it into source.ignore",
        ) from error
    except sources.SourceRefused as error:
        raise failing.BuildFailed(Reason.SOURCE_INVALID, str(error)) from error
    return files


def _left_out(ignore: Sequence[str]) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines([*ignore, *_ALWAYS])
    except ValueError as error:
        raise failing.BuildFailed(
            Reason.SOURCE_INVALID, f"source.ignore has a line that is no pattern: {error}: mend it"
        ) from error


def _names(root: pathlib.Path, left_out: pathspec.GitIgnoreSpec) -> Iterator[str]:
    for here, folders, found in os.walk(root, followlinks=False):
        below = pathlib.Path(here).relative_to(root)
        links = [each for each in folders if (pathlib.Path(here) / each).is_symlink()]
        folders[:] = [
            each
            for each in folders
            if each not in links and not left_out.match_file(f"{(below / each).as_posix()}/")
        ]
        for each in (*found, *links):
            name = (below / each).as_posix()
            if not left_out.match_file(name):
                yield name


def _check_size(sizes: dict[str, int], limit: int) -> None:
    total = sum(sizes.values())
    if total <= limit:
        return
    largest = sorted(sizes, key=lambda name: sizes[name], reverse=True)[:5]
    named = ", ".join(f"{name[:100]!a} ({sizes[name]} bytes)" for name in largest)
    raise failing.BuildFailed(
        Reason.SOURCE_TOO_LARGE,
        f"the files have {total} bytes, source.maxBytes allows {limit}; the largest: {named}: put"
        " them into source.ignore, or raise source.maxBytes",
    )


def _content(root: pathlib.Path, name: str) -> bytes:
    path = root / name
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return _link(root, path, name)
    if not stat.S_ISREG(mode):
        raise failing.BuildFailed(
            Reason.SOURCE_INVALID, f"{name[:100]!a} is no file, folder or link: remove it"
        )
    data = path.read_bytes()
    return layers.Program(data) if mode & stat.S_IXUSR else data


def _link(root: pathlib.Path, path: pathlib.Path, name: str) -> bytes:
    target = os.readlink(path)
    try:
        inside = not os.path.isabs(target) and path.resolve().is_relative_to(root)
        data = target.encode()
    except (OSError, RuntimeError, UnicodeError):  # a link to itself, or no text
        inside, data = False, b""
    if not inside:
        raise failing.BuildFailed(
            Reason.SOURCE_INVALID,
            f"{name[:100]!a} is a link out of the source, to {target[:100]!a}: replace it"
            " by the file itself, or put it into source.ignore",
        )
    return layers.Link(data)
