"""Puts an image into a repository: only the blobs that are missing, the manifest last."""

from __future__ import annotations

import asyncio
import functools
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trainshed.builds import indexes, layers, manifests
from trainshed.registry import bases, errors
from trainshed.registry import client as clients

_AT_ONCE = 4
_PIECE = 1 << 20
Work = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Push:
    """Where to, and where a base's blobs are."""

    client: clients.Client
    repository: str
    name: str
    """HOST/PATH of the repository, as nodes name it."""
    key: str
    """The content key."""
    origin: clients.Client
    """The base's registry: the same client where it is the same registry."""
    source: str
    """The base's repository there."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Further annotations of the image."""
    variant: str = ""
    """Tells images of one key apart that are from different places; empty for none."""

    @property
    def tag(self) -> str:
        """Return what an image of this key is found by, wherever its code is from."""
        return f"b-{self.key}"

    @property
    def tags(self) -> tuple[str, ...]:
        """Return all that the image is found by, the most particular first."""
        return (f"{self.tag}-{self.variant}", self.tag) if self.variant else (self.tag,)


Below = bases.Base | bases.Untouched


@dataclass(frozen=True, slots=True)
class Part:
    """The image of one platform: its base, and the layers that go onto it, the code last.

    Layers of one platform alone, such as its packages, are of its part; the same layer in several
    parts is sent once.
    """

    base: Below
    added: tuple[layers.Layer, ...]


async def push(to: Push, parts: Sequence[Part]) -> tuple[str, int]:
    """Push an image, or an index of one for each part; return its digest and the bytes uploaded."""
    # An index has the marks itself: those of a platform are the same wherever the code is from.
    marks = to.marks if len(parts) == 1 else {}
    images = [each.base.compose(each.added, key=to.key, marks=marks) for each in parts]
    sent = await _blobs(to, parts, images)
    if len(images) == 1:
        return images[0].digest, sent + await tag(to, images[0].manifest, manifests.MANIFEST)
    for each in images:
        await to.client.put_manifest(to.repository, each.digest, each.manifest)
    index = indexes.compose(images, annotations=parts[0].base.annotations(to.key, to.marks))
    sent += sum(len(each.manifest) for each in images) + await tag(to, index, manifests.INDEX)
    return layers.digest(index), sent


async def tag(to: Push, manifest: bytes, media_type: str) -> int:
    """Put a manifest last, under all its tags: who finds one must find all that it names."""
    for each in to.tags:
        await to.client.put_manifest(to.repository, each, manifest, media_type=media_type)
    return len(manifest) * len(to.tags)


async def _blobs(to: Push, parts: Sequence[Part], images: Sequence[manifests.Composed]) -> int:
    """Have every blob of the parts in the repository; return the bytes uploaded."""
    ours = {each.digest: each for part in parts for each in part.added[:-1]}
    # No image has this key, so this code is hardly there: asking costs more than sending it.
    fresh = {part.added[-1].digest: part.added[-1].data for part in parts}
    fresh |= {layers.digest(each.config): each.config for each in images}
    # The same layer may be in an image twice, and in the images of two platforms.
    found = (each for part in parts for each in part.base.layers())
    below = {digest: size for digest, size in found if digest not in ours | fresh}
    return await _all(
        [
            *(functools.partial(_bring, to, digest, size) for digest, size in below.items()),
            *(functools.partial(_upload, to, layer) for layer in ours.values()),
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


async def _upload(to: Push, layer: layers.Layer) -> int:
    if await to.client.has_blob(to.repository, layer.digest):
        return 0
    if layer.elsewhere:
        raise errors.Unavailable(
            "a layer that the repository had a moment ago is gone: it is tried again"
        )
    if layer.file is None:
        return await _send(to, layer.digest, layer.data)
    content = functools.partial(_read, layer.file)
    await to.client.upload(to.repository, layer.digest, content, size=layer.size)
    return layer.size


async def _read(file: pathlib.Path) -> AsyncIterator[bytes]:
    """Yield a file in pieces: it may be larger than memory."""
    with file.open("rb") as opened:
        while piece := await asyncio.to_thread(opened.read, _PIECE):
            yield piece


async def _send(to: Push, digest: str, data: bytes) -> int:
    await to.client.upload(to.repository, digest, data, size=len(data))
    return len(data)
