"""Pushes an image that lies in a folder, as an OCI layout that somebody else has written.

Nothing of it is believed: a blob is what its digest says, or the image is refused.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
import pathlib
import stat
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO

from trainshed.builds import manifests
from trainshed.registry import admitted, errors
from trainshed.registry import client as clients

_PIECE = 1 << 20
_MOST = 4 << 20
"""Bytes of an index, a manifest or a config."""


async def push(
    client: clients.Client, place: admitted.Place, folder: pathlib.Path, platform: str
) -> tuple[str, int]:
    """Push the one image of a layout; return its name, and the bytes sent.

    What is put onto it has its layers, and is what is kept. It has a tag of its own all the same:
    what no tag leads to is never let go.
    """
    digest, body = await asyncio.to_thread(_manifest, folder, platform)
    manifest = _document(body)
    try:
        config = manifests.config_digest(manifest)
        blobs = dict(manifests.base_layers(manifest))
    except manifests.BaseUnsupported as error:
        raise _refused(str(error)) from error
    repository, sent = place.repository, 0
    for each in (*blobs, config):
        size = await asyncio.to_thread(_checked, folder, each)
        if not await client.has_blob(repository, each):
            data = functools.partial(_pieces, folder, each)
            await client.upload(repository, each, data, size=size)
            sent += size
    await client.put_manifest(repository, tag(digest), body)
    return f"{place.name}@{digest}", sent + len(body)


def tag(digest: str) -> str:
    """Return the tag of what a Dockerfile gave, by its digest."""
    return f"d-{digest.removeprefix('sha256:')[:32]}"


def _manifest(folder: pathlib.Path, platform: str) -> tuple[str, bytes]:
    """Return the manifest of the layout's image, and its digest."""
    listed = _document(_read(folder / "index.json"))
    for _ in range(3):
        found = listed.get("manifests")
        if isinstance(found, list) and len(found) == 1 and isinstance(found[0], Mapping):
            digest = str(found[0].get("digest"))
        else:
            try:
                digest = manifests.choose(listed, platform)
            except manifests.BaseUnsupported as error:
                raise _refused(str(error)) from error
        _checked(folder, digest)
        body = _read(_blob(folder, digest))
        listed = _document(body)
        if "manifests" not in listed:
            return digest, body
    raise _refused("its index names nothing but indexes")


def _checked(folder: pathlib.Path, digest: str) -> int:
    """Return the size of a blob whose bytes are what its digest says."""
    total, size = hashlib.sha256(), 0
    with _opened(_blob(folder, digest)) as blob:
        while piece := blob.read(_PIECE):
            total.update(piece)
            size += len(piece)
    if f"sha256:{total.hexdigest()}" != digest:
        raise _refused(f"blob {digest} has other bytes")
    return size


async def _pieces(folder: pathlib.Path, digest: str) -> AsyncIterator[bytes]:
    with _opened(_blob(folder, digest)) as blob:
        while piece := await asyncio.to_thread(blob.read, _PIECE):
            yield piece


def _blob(folder: pathlib.Path, digest: str) -> pathlib.Path:
    if not manifests.is_digest(digest):
        raise _refused(f"{digest[:100]!a} is no sha256 digest")
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


def _read(path: pathlib.Path) -> bytes:
    with _opened(path) as opened:
        data = opened.read(_MOST + 1)
    if len(data) > _MOST:
        raise _refused(f"{path.name} has more than {_MOST} bytes")
    return data


def _opened(path: pathlib.Path) -> BinaryIO:
    """Open a plain file: a link could lead to a Secret, and a pipe would never end."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _refused(f"{path.name} can't be read ({error.strerror})") from error
    opened = os.fdopen(number, "rb")
    if not stat.S_ISREG(os.fstat(number).st_mode):
        opened.close()
        raise _refused(f"{path.name} is no file")
    return opened


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refused("a document of it is no JSON") from error
    if not isinstance(found, dict):
        raise _refused("a document of it is no JSON object")
    return found


def _refused(why: str) -> errors.BaseUnsupported:
    return errors.BaseUnsupported(
        f"the image that the Dockerfile gave can't be used: {why[:300]}; mend the Dockerfile,"
        " create the job anew"
    )
