"""The first and the last step of a Dockerfile's build: what the engine gets, and what it left."""

from __future__ import annotations

import json
import logging
import os
import pathlib
from collections.abc import Iterable, Mapping

from trainshed.api import reasons
from trainshed.buildpod import failing, fetching, handing, reaching, verdicts
from trainshed.builds import dockerfiles, orders, stages
from trainshed.registry import credentials, targets

BuildReason = reasons.BuildReason
_SHOWN = 5
_LOGGED = 40
_at = handing.at
log = logging.getLogger("trainshed.buildpod")


def lay_out(
    order: orders.Order,
    fetched: fetching.Fetched,
    *,
    target: targets.Target,
    ca_pem: str,
    without_tls: Iterable[str] = (),
    login: credentials.Login | None = None,
    root: pathlib.Path = pathlib.Path("/"),
) -> None:
    """Write the code and the engine's settings where it looks for them; raises BuildFailed.

    `target`: the registry that images go to, and `login` who the pod is there, where a cloud says
    so. `without_tls`: other hosts that speak plain HTTP. `root` is another folder in tests.
    """
    assert order.dockerfile is not None
    _check_there(order.dockerfile, fetched.files)
    handing.lay_out(fetched.files, fetched.revision, root)
    home = _at(root, dockerfiles.HOME)
    for name, text in reaching.settings(target, ca_pem=ca_pem, without_tls=without_tls).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    known = reaching.logins(_at(root, stages.PULL_SECRETS), target, login)
    # The engine is another user, and this volume is of memory, and of this pod alone.
    access = _at(root, dockerfiles.ACCESS) / "config.json"
    access.write_text(json.dumps({"auths": known}), encoding="utf-8")


def collected(order: orders.Order, *, root: pathlib.Path = pathlib.Path("/")) -> fetching.Fetched:
    """Return the code that the image was made of; raises BuildFailed where none was made."""
    handing.check_told(root)
    if handing.code(_at(root, dockerfiles.CODE)) != "0":
        assert order.dockerfile is not None
        said = handing.tail(_at(root, dockerfiles.LOG))
        log.info("the engine said:\n%s", "\n".join(verdicts.lines(said)[-_LOGGED:]))
        raise verdicts.of(said, order.dockerfile)
    return handing.collected(order.max_bytes, root)


def engine_seconds(root: pathlib.Path = pathlib.Path("/")) -> float:
    """Return how long the engine worked, by the files that it was given and that it left."""
    return handing.seconds(_at(root, dockerfiles.REVISION), _at(root, dockerfiles.CODE))


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
