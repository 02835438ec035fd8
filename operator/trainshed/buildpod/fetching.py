"""Gets the code of an order: cloned, pulled, read from a claim, or given with the order itself."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed.buildpod import artifacts, claims, cloning, failing, places, trees
from trainshed.builds import embedding, layers, links, orders, pods
from trainshed.core import scripts

CALL_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """The code as it goes into the image."""

    files: Mapping[str, bytes] = field(repr=False)
    """By their path below /app; empty for a built-in model."""
    revision: str = ""
    """The commit that was cloned, or the digest that was pulled; empty where there is none."""


def fetch(order: orders.Order, registries: places.Places) -> Fetched:
    """Return the code of an order; raises BuildFailed."""
    if order.git is not None:
        return _cloned(order, order.git)
    if order.oci is not None:
        return _pulled(order, order.oci, registries)
    if order.claim is not None:
        return Fetched(_tree(claims.folder(order.claim, pathlib.Path(pods.CLAIM)), order))
    return Fetched(embedding.unpack(order.files))


def _cloned(order: orders.Order, git: orders.Git) -> Fetched:
    repository = cloning.Repository(
        git,
        folder=pathlib.Path(pods.WORK),
        secret=pathlib.Path(pods.GIT_SECRET),
        seconds=CALL_SECONDS,
    )
    folder, commit = repository.fetch()
    return Fetched(_tree(folder, order), commit)


def _pulled(order: orders.Order, oci: orders.Oci, registries: places.Places) -> Fetched:
    files, digest = artifacts.fetch(
        oci,
        registries,
        folder=pathlib.Path(pods.WORK),
        ignore=order.ignore,
        limit=order.max_bytes,
        platform=order.platforms[0],
    )
    missing = scripts.missing(order.source_entrypoint, files)
    if missing is not None:
        script = links.resolve(order.source_entrypoint[1], links.of(files, layers.Link))
        if script not in files:
            raise failing.BuildFailed(missing.reason, missing.message)
    return Fetched(files, digest)


def _tree(folder: pathlib.Path, order: orders.Order) -> Mapping[str, bytes]:
    """Return the files of a folder, among which the entry point must be."""
    files = trees.read(folder, ignore=order.ignore, limit=order.max_bytes)
    missing = scripts.missing(order.source_entrypoint, files)
    if missing is not None and not _linked(folder, order.source_entrypoint[1], files):
        raise failing.BuildFailed(missing.reason, missing.message)
    return files


def _linked(folder: pathlib.Path, script: str, files: Mapping[str, bytes]) -> bool:
    """Return whether a script is one of the files by way of a link to a folder."""
    path, root = (folder / script).resolve(), folder.resolve()
    return path.is_relative_to(root) and path.relative_to(root).as_posix() in files
