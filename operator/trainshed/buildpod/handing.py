"""What one step of a build pod leaves for the next. What a stranger's step left is not trusted."""

from __future__ import annotations

import json
import logging
import pathlib
from collections.abc import Mapping

from trainshed.buildpod import failing, fetching, trees
from trainshed.builds import dockerfiles, layers

_TAIL = 64 * 1024
_log = logging.getLogger("trainshed.buildpod")


def write_tree(files: Mapping[str, bytes], folder: pathlib.Path) -> None:
    """Write files that `trees` or `sources` found sound: no name leads out."""
    folder.mkdir(parents=True)
    # Links last: nothing is then written through one.
    for name in sorted(files, key=lambda each: isinstance(files[each], layers.Link)):
        data, path = files[name], folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, layers.Link):
            path.symlink_to(data.decode())
            continue
        path.write_bytes(data)
        path.chmod(0o755 if isinstance(data, layers.Program) else 0o644)


def lay_out(files: Mapping[str, bytes], revision: str, root: pathlib.Path) -> None:
    """Write the code where the steps behind the first one read it."""
    write_tree(files, at(root, dockerfiles.CONTEXT))
    at(root, dockerfiles.REVISION).write_text(revision, encoding="utf-8")


def collected(limit: int, root: pathlib.Path) -> fetching.Fetched:
    """Return the code, read anew: a stranger's programs ran beside it. Raises BuildFailed."""
    files = trees.read(at(root, dockerfiles.CONTEXT), ignore=(), limit=limit)
    revision = at(root, dockerfiles.REVISION).read_text(encoding="utf-8")
    return fetching.Fetched(files, revision)


def check_told(root: pathlib.Path) -> None:
    """Raise the BuildFailed by which the first step ended the build."""
    refusal = at(root, dockerfiles.REFUSAL)
    if not refusal.exists():
        return
    said = json.loads(refusal.read_text(encoding="utf-8"))["refusal"]
    _log.info("the first step said:\n%s", said["log"])
    raise failing.BuildFailed(said["reason"], said["message"], terminal=said["terminal"])


def tail(log: pathlib.Path) -> str:
    """Return the end of a log; empty where there is none."""
    if log.is_symlink() or not log.is_file():
        return ""
    with log.open("rb") as opened:
        opened.seek(max(0, log.stat().st_size - _TAIL))
        return opened.read(_TAIL).decode(errors="replace")


def code(path: pathlib.Path) -> str:
    """Return an exit code, as it was written; empty for none, as of a program that was killed."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as opened:
        return opened.read(16).decode("ascii", "replace").strip()


def seconds(began: pathlib.Path, ended: pathlib.Path) -> float:
    """Return how long a step worked, by the files that it was given and that it left."""
    return max(0.0, ended.lstat().st_mtime - began.lstat().st_mtime)


def at(root: pathlib.Path, path: str) -> pathlib.Path:
    """Return a path of the pod's below a root, which is another folder in tests."""
    return root / path.lstrip("/")
