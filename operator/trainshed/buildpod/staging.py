"""The first and the last step of a Dockerfile's build: what the engine gets, and what it left."""

from __future__ import annotations

import json
import logging
import os
import pathlib
from collections.abc import Iterable, Mapping

from trainshed.api import reasons
from trainshed.buildpod import failing, fetching, reaching, trees, verdicts
from trainshed.builds import dockerfiles, layers, orders, stages
from trainshed.registry import targets

BuildReason = reasons.BuildReason
_SHOWN = 5
_TAIL = 64 * 1024
_LOGGED = 40
log = logging.getLogger("trainshed.buildpod")


def lay_out(
    order: orders.Order,
    fetched: fetching.Fetched,
    *,
    target: targets.Target,
    ca_pem: str,
    without_tls: Iterable[str] = (),
    root: pathlib.Path = pathlib.Path("/"),
) -> None:
    """Write the code and the engine's settings where it looks for them; raises BuildFailed.

    `target`: the registry that images go to. `without_tls`: other hosts that speak plain HTTP.
    `root` is another folder in tests.
    """
    assert order.dockerfile is not None
    _check_there(order.dockerfile, fetched.files)
    _write_tree(fetched.files, _at(root, dockerfiles.CONTEXT))
    _at(root, dockerfiles.REVISION).write_text(fetched.revision, encoding="utf-8")
    home = _at(root, dockerfiles.HOME)
    for name, text in reaching.settings(target, ca_pem=ca_pem, without_tls=without_tls).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    known = reaching.logins(_at(root, stages.PULL_SECRETS), target)
    # The engine is another user, and this volume is of memory, and of this pod alone.
    access = _at(root, dockerfiles.ACCESS) / "config.json"
    access.write_text(json.dumps({"auths": known}), encoding="utf-8")


def collected(order: orders.Order, *, root: pathlib.Path = pathlib.Path("/")) -> fetching.Fetched:
    """Return the code that the image was made of; raises BuildFailed where none was made."""
    refusal = _at(root, dockerfiles.REFUSAL)
    if refusal.exists():
        raise _told(refusal.read_text(encoding="utf-8"))
    said, code = _tail(_at(root, dockerfiles.LOG)), _at(root, dockerfiles.CODE)
    if _small(code).strip() != "0":
        assert order.dockerfile is not None
        log.info("the engine said:\n%s", "\n".join(verdicts.lines(said)[-_LOGGED:]))
        raise verdicts.of(said, order.dockerfile)
    # Read anew: the engine ran a stranger's programs beside it.
    files = trees.read(_at(root, dockerfiles.CONTEXT), ignore=(), limit=order.max_bytes)
    revision = _at(root, dockerfiles.REVISION).read_text(encoding="utf-8")
    return fetching.Fetched(files, revision)


def engine_seconds(root: pathlib.Path = pathlib.Path("/")) -> float:
    """Return how long the engine worked, by the files that it was given and that it left."""
    began, ended = (_at(root, each) for each in (dockerfiles.REVISION, dockerfiles.CODE))
    return max(0.0, ended.lstat().st_mtime - began.lstat().st_mtime)


def _check_there(asked: dockerfiles.Dockerfile, files: Mapping[str, bytes]) -> None:
    name = os.path.normpath(asked.path)
    if name in files:
        return
    near = [each for each in sorted(files) if "dockerfile" in each.lower()] or sorted(files)
    shown = ", ".join(f"{each[:100]!a}" for each in near[:_SHOWN]) or "no files at all"
    raise failing.BuildFailed(
        BuildReason.DOCKERFILE_NOT_FOUND,
        f"the source has no file {asked.path!a}, but {shown}: create the job anew with"
        " image.dockerfile.path set to one that it has",
    )


def _write_tree(files: Mapping[str, bytes], folder: pathlib.Path) -> None:
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


def _told(text: str) -> failing.BuildFailed:
    said = json.loads(text)["refusal"]
    log.info("the first step said:\n%s", said["log"])
    return failing.BuildFailed(said["reason"], said["message"], terminal=said["terminal"])


def _tail(file: pathlib.Path) -> str:
    if file.is_symlink() or not file.is_file():
        return ""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _TAIL))
        return opened.read(_TAIL).decode(errors="replace")


def _small(path: pathlib.Path) -> str:
    return path.read_text("ascii", "replace")[:16] if path.is_file() else ""


def _at(root: pathlib.Path, path: str) -> pathlib.Path:
    return root / path.lstrip("/")
