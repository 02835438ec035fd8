"""Reads a folder of untrusted files into memory: what is ignored, linked, too large or hostile."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
from collections.abc import Iterator, Mapping, Sequence

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
    try:
        names = sorted(_names(root, left_out(ignore)))
        check_size({name: (root / name).lstat().st_size for name in names}, limit)
        files = {name: _content(root, name) for name in names}
    except OSError as error:
        raise _unreadable(root, error) from error
    check(files, limit)
    return files


def check(files: Mapping[str, bytes], limit: int) -> None:
    """Raise BuildFailed where a name is hostile, or is a file and a folder."""
    try:
        sources.check(files, limit=limit)
    except UnicodeError as error:
        raise failing.BuildFailed(
            Reason.SOURCE_INVALID,
            "a file's name is no UTF-8: rename it, or put it into source.ignore",
        ) from error
    except sources.SourceRefused as error:
        raise failing.BuildFailed(Reason.SOURCE_INVALID, str(error)) from error


def left_out(ignore: Sequence[str]) -> pathspec.GitIgnoreSpec:
    """Return what tells the names that stay out of an image; raises BuildFailed."""
    try:
        return pathspec.GitIgnoreSpec.from_lines([*ignore, *_ALWAYS])
    except ValueError as error:
        raise failing.BuildFailed(
            Reason.SOURCE_INVALID, f"source.ignore has a line that is no pattern: {error}: mend it"
        ) from error


def _names(root: pathlib.Path, hidden: pathspec.GitIgnoreSpec) -> Iterator[str]:
    for here, folders, found in os.walk(root, followlinks=False, onerror=_raise):
        below = pathlib.Path(here).relative_to(root)
        links = [each for each in folders if (pathlib.Path(here) / each).is_symlink()]
        folders[:] = [
            each
            for each in folders
            if each not in links and not hidden.match_file(f"{(below / each).as_posix()}/")
        ]
        for each in (*found, *links):
            name = (below / each).as_posix()
            if not hidden.match_file(name):
                yield name


def check_size(sizes: Mapping[str, int], limit: int) -> None:
    """Raise BuildFailed, which names the largest files, where they have too many bytes together."""
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


def _raise(error: OSError) -> None:
    # A folder that can't be listed must not become an empty one.
    raise error


def _unreadable(root: pathlib.Path, error: OSError) -> failing.BuildFailed:
    path = pathlib.Path(os.fsdecode(error.filename or ""))
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    if isinstance(error, PermissionError):
        return failing.BuildFailed(
            Reason.SOURCE_UNREADABLE,
            f"{name[:100]!a} may not be read by user {os.getuid()}, as which build pods run: let"
            " everybody read it (chmod -R a+rX), or put it into source.ignore",
        )
    return failing.BuildFailed(
        Reason.SOURCE_UNREADABLE,
        f"{name[:100]!a} can't be read ({error.strerror}): it is tried again; see that nothing"
        " changes the files while they are packed",
        terminal=False,
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
    data = _read(root, path)
    return layers.Program(data) if mode & stat.S_IXUSR else data


def _read(root: pathlib.Path, path: pathlib.Path) -> bytes:
    """Return a file's content; raises OSError where it has been swapped for a way out."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(file, "rb") as opened:
        # Of a volume that others write to, a folder may be a link by now.
        if not pathlib.Path(os.readlink(f"/proc/self/fd/{file}")).is_relative_to(root):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        return opened.read()


def _link(root: pathlib.Path, path: pathlib.Path, name: str) -> bytes:
    target = os.readlink(path)
    try:
        inside = not os.path.isabs(target) and path.resolve().is_relative_to(root)
        data = target.encode()
    except (OSError, RuntimeError, UnicodeError):  # a link to itself, or no text
        inside, data = False, b""
    if not inside:
        raise leads_out(name, target)
    return layers.Link(data)


def leads_out(name: str, target: str) -> failing.BuildFailed:
    """Return the refusal of a link."""
    return failing.BuildFailed(
        Reason.SOURCE_INVALID,
        f"{name[:100]!a} is a link out of the source, to {target[:100]!a}: replace it"
        " by the file itself, or put it into source.ignore",
    )
