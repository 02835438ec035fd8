"""Puts an image into a repository: only the blobs that are missing, the manifest last."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from trainshed.builds import indexes, layers, manifests
from trainshed.registry import bases, errors
from trainshed.registry import client as clients

_AT_ONCE = 4
Work = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Push:
    """Where to, and where a base's blobs are."""

    client: clients.Client
    repository: str
    key: str
    """The content key."""
    origin: clients.Client
    """The base's registry: the same client where it is the same registry."""
    source: str
    """The base's repository there."""

    @property
    def tag(self) -> str:
        """Return what the image is found by."""
        return f"b-{self.key}"


@dataclass(frozen=True, slots=True)
class Part:
    """The image of one platform: its base, and the layers that go onto it, the code last.

    Layers of one platform alone, such as its packages, are of its part; the same layer in several
    parts is sent once.
    """

    base: bases.Base
    added: tuple[layers.Layer, ...]


async def push(to: Push, parts: Sequence[Part]) -> tuple[str, int]:
    """Push an image, or an index of one for each part; return its digest and the bytes uploaded."""
    images = [each.base.compose(each.added, key=to.key) for each in parts]
    sent = await _blobs(to, parts, images)
    if len(images) == 1:
        # Last: who finds the tag must find all that it names.
        await to.client.put_manifest(to.repository, to.tag, images[0].manifest)
        return images[0].digest, sent + len(images[0].manifest)
    for each in images:
        await to.client.put_manifest(to.repository, each.digest, each.manifest)
    index = indexes.compose(images, annotations=parts[0].base.annotations(to.key))
    await to.client.put_manifest(to.repository, to.tag, index, media_type=manifests.INDEX)
    return layers.digest(index), sent + len(index) + sum(len(each.manifest) for each in images)


async def _blobs(to: Push, parts: Sequence[Part], images: Sequence[manifests.Composed]) -> int:
    """Have every blob of the parts in the repository; return the bytes uploaded."""
    ours = {each.digest: each.data for part in parts for each in part.added[:-1]}
    # No image has this key, so this code is hardly there: asking costs more than sending it.
    fresh = {part.added[-1].digest: part.added[-1].data for part in parts}
    fresh |= {layers.digest(each.config): each.config for each in images}
    # The same layer may be in an image twice, and in the images of two platforms.
    found = (each for part in parts for each in part.base.layers())
    below = {digest: size for digest, size in found if digest not in ours | fresh}
    return await _all(
        [
            *(functools.partial(_bring, to, digest, size) for digest, size in below.items()),
            *(functools.partial(_upload, to, digest, data) for digest, data in ours.items()),
            *(functools.partial(_send, to, digest, data) for digest, data in fresh.items()),
        ]
    )


async def _all(works: Sequence[Work]) -> int:
    """Do a few at a time; return their sum. One that fails ends the others."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def limited(work: Work) -> int:
        async with free:
            return await work()

    tasks = [asyncio.create_task(limited(each), name="blob") for each in works]
    try:
        return sum(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _bring(to: Push, digest: str, size: int) -> int:
    """Have a base's blob in our repository: mounted where possible, else copied."""
    if await to.client.has_blob(to.repository, digest):
        return 0
    location = None
    if to.origin is to.client:
        location = await to.client.mount(to.repository, digest, source=to.source)
        if location is None and await to.client.has_blob(to.repository, digest):
            return 0
    gone = errors.BaseNotFound(
        f"a layer of base image {to.source} is gone from its registry: push the image anew"
    )
    if not await to.origin.has_blob(to.source, digest):
        raise gone
    data = functools.partial(to.origin.stream_blob, to.source, digest)
    try:
        await to.client.upload(to.repository, digest, data, size=size, location=location)
    except errors.NotFound as error:
        raise gone from error
    return size


async def _upload(to: Push, digest: str, data: bytes) -> int:
    if await to.client.has_blob(to.repository, digest):
        return 0
    return await _send(to, digest, data)


async def _send(to: Push, digest: str, data: bytes) -> int:
    await to.client.upload(to.repository, digest, data, size=len(data))
    return len(data)
