"""What the bundled registry holds: its repositories, their tags, and how they are let go.

Only the operator's own token may do this. A repository's tags are read to their end or not at all:
who judges by a part of them might let go what the rest needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib import parse

from trainshed.builds import layers, manifests
from trainshed.core import retention
from trainshed.registry import authentication, errors, exchange
from trainshed.registry import client as clients

MARK = "trainshed-used"
"""The tag of what is remembered of a repository: no image, and never judged."""
_USED = "dev.trainshed.used."
_PAGE = 500
_MOST = 20_000
"""So many tags are read; a repository with more is left alone."""
_MOST_CHILDREN = 100_000
"""So many parts of indexes, all tags together: who may push could fill our memory by them."""
_MOST_BYTES = 1 << 20
"""Of a manifest that is judged: what a hostile one unfolds to is many times that."""
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_REFERRER = re.compile(r"sha256-([0-9a-f]{64})")
_EMPTY = b"{}"


async def repositories(client: clients.Client, *, folder: str) -> AsyncIterator[str]:
    """Yield the repositories below a folder, however many there are; raises RegistryError.

    A registry forgets no name: those of namespaces that are long gone are among them.
    """
    pages = _pages(client, "/v2/_catalog", "repositories", authentication.Scope(""))
    async for page in pages:
        for each in page:
            if each.startswith(f"{folder}/"):
                yield each


async def read(client: clients.Client, repository: str) -> list[retention.Manifest]:
    """Return the manifests that have a tag, but for our own; raises RegistryError."""
    try:
        names = await _tags(client, repository)
    except errors.NotFound:
        return []
    tags: dict[str, list[str]] = {}
    # Of each document what is needed is kept, and no more: a repository may have thousands.
    parts: dict[str, tuple[str, ...]] = {}
    about: dict[str, str] = {}
    many = 0
    for name in names:
        if name == MARK:
            continue
        try:
            digest, document = await client.named_manifest(repository, name, most=_MOST_BYTES)
        except errors.NotFound:
            continue  # It went while we looked.
        tags.setdefault(digest, []).append(name)
        if digest not in parts:
            parts[digest], about[digest] = tuple(_children(document)), _told(document)
            many += len(parts[digest])
        if many > _MOST_CHILDREN:
            raise errors.Rejected(
                f"{repository} has indexes of more than {_MOST_CHILDREN} parts: it is left alone"
            )
    return [
        retention.Manifest(
            digest=digest,
            tags=tuple(found),
            children=parts[digest],
            subject=about[digest] or _tagged(found),
        )
        for digest, found in tags.items()
    ]


async def remove(client: clients.Client, repository: str, digest: str) -> bool:
    """Let a manifest go with all its tags; return whether it was there. Raises RegistryError."""
    scope = authentication.Scope(repository, remove=True)
    try:
        await client.call("DELETE", f"/v2/{repository}/manifests/{digest}", scope)
    except errors.NotFound:
        return False
    return True


async def recall(client: clients.Client, repository: str) -> tuple[str, dict[str, int]]:
    """Return the days of last use that are remembered, and the digest of where they are."""
    try:
        digest, document = await client.named_manifest(repository, MARK)
    except errors.NotFound:
        return "", {}
    told = document.get("annotations")
    marks = told if isinstance(told, dict) else {}
    days = {
        f"sha256:{name.removeprefix(_USED)}": int(day)
        for name, day in marks.items()
        if name.startswith(_USED) and isinstance(day, str) and day.isdecimal() and len(day) < 8
    }
    return digest, days


async def remember(
    client: clients.Client, repository: str, used: Mapping[str, int], *, before: str
) -> None:
    """Keep days of last use, in place of those of the manifest `before`; raises RegistryError.

    Where there are none and never were, nothing is written: a name that is long empty stays so.
    """
    if not used and not before:
        return
    config = layers.digest(_EMPTY)
    described = {
        "schemaVersion": 2,
        "mediaType": manifests.MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": config,
            "size": len(_EMPTY),
        },
        "layers": [],
        "annotations": {
            f"{_USED}{digest.removeprefix('sha256:')}": str(day)
            for digest, day in sorted(used.items())
        },
    }
    document = json.dumps(described, separators=(",", ":")).encode()
    if layers.digest(document) == before:
        return
    if not await client.has_blob(repository, config):
        await client.upload(repository, config, _EMPTY, size=len(_EMPTY))
    await client.put_manifest(repository, MARK, document)
    if before:
        await remove(client, repository, before)


def _children(document: Mapping[str, Any]) -> Iterator[str]:
    listed = document.get("manifests")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and manifests.is_digest(each.get("digest")):
            yield str(each["digest"])


def _told(document: Mapping[str, Any]) -> str:
    """Return what a manifest says that it tells of; empty where it is an image itself."""
    told = document.get("subject")
    if isinstance(told, dict) and manifests.is_digest(told.get("digest")):
        return str(told["digest"])
    return ""


def _tagged(tags: list[str]) -> str:
    """Return what a manifest tells of, by the tag of registries that read no such field."""
    match = next((found for tag in tags if (found := _REFERRER.fullmatch(tag))), None)
    return f"sha256:{match[1]}" if match else ""


async def _tags(client: clients.Client, repository: str) -> list[str]:
    """Return all tags of a repository; raises NotFound, and Rejected where there are too many."""
    found: list[str] = []
    path, scope = f"/v2/{repository}/tags/list", authentication.Scope(repository)
    async for page in _pages(client, path, "tags", scope):
        found += page
        if len(found) > _MOST:
            raise errors.Rejected(f"{path} has more than {_MOST} names: it is left alone")
    return found


async def _pages(
    client: clients.Client, path: str, field: str, scope: authentication.Scope
) -> AsyncIterator[list[str]]:
    """Yield the names of a list, page by page; raises NotFound."""
    asked = f"{path}?{parse.urlencode({'n': _PAGE})}"
    while asked:
        answer = await client.call("GET", asked, scope)
        page = exchange.document(answer.body, host="bundled").get(field)
        yield [each for each in (page or ()) if isinstance(each, str)]
        following = _NEXT.search(answer.headers.get("Link", ""))
        asked = _below(following[1]) if following else ""


def _below(link: str) -> str:
    """Return path and query of a link: it is followed on this host alone."""
    parts = parse.urlsplit(link)
    return f"{parts.path}?{parts.query}"
