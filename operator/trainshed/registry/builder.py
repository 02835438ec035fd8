"""Makes images by registry calls alone: a base's layers, the training library, the code.

The registry is the cache. An image that exists costs one HEAD; equal builds at the same time are
made once; what was found or built a moment ago is not asked for again.
"""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib import parse

import httpx

from trainshed.builds import layers, manifests, requests, sources
from trainshed.core import observed, plan
from trainshed.registry import client as clients
from trainshed.registry import credentials, errors, references

MEMO_SECONDS = 60.0
"""How long a found image, or what a base's tag means, is not asked for again."""
PLATFORM = "linux/amd64"
TIMEOUT = httpx.Timeout(60.0, connect=3.0)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """The registry that images go to, under the names that each side has for it."""

    push: str
    """URL, as the operator reaches it."""
    pull: str
    """Host, as nodes name it."""
    prefix: str
    allowed: frozenset[str]
    """Other hosts that may be called."""

    def url(self, host: str) -> str:
        """Return the URL of a host; raises NotAllowed."""
        if host == self.pull or host == parse.urlsplit(self.push).netloc:
            return self.push
        plain = f"http://{host}"
        if plain in self.allowed:
            return plain
        if host in self.allowed:
            return f"https://{host}"
        raise errors.NotAllowed(
            f"registry {host} is not one that the operator may call: ask for it to be added to"
            " registry.allowed, or use a base image of an allowed one"
        )


class Builder:
    """Implements `runtime.building.Maker`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        target: Target,
        logins: Mapping[str, credentials.Login],
        library: Mapping[str, bytes],
        clock: Callable[[], float],
    ) -> None:
        """`library`: the training library's files. `clock`: monotonic seconds."""
        self._http = http
        self._target = target
        self._logins = logins
        self._library = library
        self._clock = clock
        self._clients: dict[str, clients.Client] = {}
        self._bases: dict[str, tuple[float, str]] = {}
        self._found: dict[tuple[str, str], tuple[float, observed.BuiltImage]] = {}
        self._flights: dict[object, asyncio.Task[Any]] = {}
        self._packed: dict[str, layers.Layer] = {}

    async def make(
        self, namespace: str, order: plan.BuildOrder, files: Mapping[str, bytes]
    ) -> observed.BuiltImage:
        """Return the image, found or built; raises RegistryError."""
        started = self._clock()
        try:
            sources.check(files)
        except sources.SourceRefused as error:
            raise errors.SourceRefused(str(error)) from error
        base = references.parse(order.base)
        base_digest = await self._base_digest(order.base, base)
        request = requests.Request(
            base_digest=base_digest,
            library=self._library,
            source=files,
            entrypoint=order.entrypoint,
            compression=order.compression,
        )
        repository = f"{self._target.prefix}/{namespace}"
        flight = (repository, request.key())
        known = self._found.get(flight)
        if known is not None and started - known[0] < MEMO_SECONDS:
            return replace(known[1], cache_hit=True, uploaded_bytes=0, seconds=0.0)
        image = await self._single(flight, lambda: self._make(repository, request, base))
        self._found[flight] = (self._clock(), image)
        self._forget_old()
        return replace(image, seconds=self._clock() - started)

    async def _make(
        self, repository: str, request: requests.Request, base: references.Reference
    ) -> observed.BuiltImage:
        client = self._client(self._target.push)
        key = request.key()
        digest = await client.find_manifest(repository, f"b-{key}")
        uploaded = 0
        hit = digest is not None
        if digest is None:
            digest, uploaded = await self._push(client, repository, request, base)
        return observed.BuiltImage(
            ref=f"{self._target.pull}/{repository}@{digest}",
            key=f"b-{key}",
            base_digest=request.base_digest,
            cache_hit=hit,
            seconds=0.0,
            uploaded_bytes=uploaded,
        )

    async def _push(
        self,
        client: clients.Client,
        repository: str,
        request: requests.Request,
        base: references.Reference,
    ) -> tuple[str, int]:
        origin = self._client(self._target.url(base.host))
        _, manifest = await _of_base(origin.manifest(base.repository, request.base_digest), base)
        platform_digest = request.base_digest
        if "manifests" in manifest:
            platform_digest = _chosen(manifest, request.platform)
            _, manifest = await _of_base(origin.manifest(base.repository, platform_digest), base)
        config = await _of_base(
            origin.blob(base.repository, str(manifest["config"]["digest"])), base
        )
        added = await self._layers(request)
        image = _composed(manifest, config, added, request, base)
        sent = 0
        for layer in manifest.get("layers") or ():
            digest, size = str(layer["digest"]), int(layer["size"])
            sent += await self._bring(client, repository, digest, size, origin, base)
        for each in added:
            sent += await self._upload(client, repository, each.digest, each.data)
        sent += await self._upload(client, repository, layers.digest(image.config), image.config)
        await client.put_manifest(repository, f"b-{request.key()}", image.manifest)
        return image.digest, sent + len(image.manifest)

    async def _layers(self, request: requests.Request) -> list[layers.Layer]:
        """Pack off the event loop; the library, which all images share, once."""
        compression = request.compression
        if compression not in self._packed:
            self._packed[compression] = await asyncio.to_thread(
                layers.pack,
                {f"trainshed_trainer/{name}": data for name, data in self._library.items()},
                prefix=manifests.LIBRARY,
                compression=compression,
                comment="trainshed: training library",
            )
        code = await asyncio.to_thread(
            layers.pack,
            request.source,
            prefix=manifests.CODE,
            compression=compression,
            comment="trainshed: code",
        )
        return [self._packed[compression], code]

    async def _bring(
        self,
        client: clients.Client,
        repository: str,
        digest: str,
        size: int,
        origin: clients.Client,
        base: references.Reference,
    ) -> int:
        """Have a base's blob in our repository: mounted where possible, else copied."""
        if await client.has_blob(repository, digest):
            return 0
        location = None
        if origin is client:
            location = await client.mount(repository, digest, source=base.repository)
            if location is None and await client.has_blob(repository, digest):
                return 0
        data = origin.stream_blob(base.repository, digest)
        try:
            await client.upload(repository, digest, data, location=location)
        except errors.NotFound as error:
            raise errors.BaseNotFound(f"a layer of base image {base.repository} is gone") from error
        return size

    async def _upload(
        self, client: clients.Client, repository: str, digest: str, data: bytes
    ) -> int:
        if await client.has_blob(repository, digest):
            return 0
        await client.upload(repository, digest, data)
        return len(data)

    async def _base_digest(self, text: str, base: references.Reference) -> str:
        if base.digest:
            return base.digest
        known = self._bases.get(text)
        if known is not None and self._clock() - known[0] < MEMO_SECONDS:
            return known[1]

        async def resolve() -> str:
            origin = self._client(self._target.url(base.host))
            digest = await origin.find_manifest(base.repository, base.version)
            if digest is None:
                raise _no_base(base)
            return digest

        digest = await self._single(("base", text), resolve)
        self._bases[text] = (self._clock(), digest)
        return digest

    async def _single(self, key: object, work: Callable[[], Awaitable[T]]) -> T:
        """Run a piece of work once for all who ask for it at the same time."""
        task = self._flights.get(key)
        if task is None:
            task = asyncio.ensure_future(work())
            self._flights[key] = task
            task.add_done_callback(lambda _: self._flights.pop(key, None))
        # One asker that goes away must not take the work from the others.
        result: T = await asyncio.shield(task)
        return result

    def _client(self, url: str) -> clients.Client:
        client = self._clients.get(url)
        if client is None:
            host = parse.urlsplit(url).netloc
            names = {each.removeprefix("http://") for each in self._target.allowed}
            client = self._clients[url] = clients.Client(
                self._http, base=url, login=self._logins.get(host), realms=names
            )
        return client

    def _forget_old(self) -> None:
        now = self._clock()
        if len(self._found) > 1024:
            self._found = {
                key: each for key, each in self._found.items() if now - each[0] < MEMO_SECONDS
            }


def _no_base(base: references.Reference) -> errors.BaseNotFound:
    name = f"{base.host}/{base.repository}:{base.version}"
    return errors.BaseNotFound(f"there is no base image {name}: push it, or name another one")


async def _of_base(call: Awaitable[T], base: references.Reference) -> T:
    try:
        return await call
    except errors.NotFound as error:
        raise _no_base(base) from error


def _chosen(index: Mapping[str, Any], platform: str) -> str:
    try:
        return manifests.choose(index, platform)
    except manifests.BaseUnsupported as error:
        raise errors.BaseUnsupported(f"{error}: use another image.base") from error


def _composed(
    manifest: Mapping[str, Any],
    config: Mapping[str, Any],
    added: list[layers.Layer],
    request: requests.Request,
    base: references.Reference,
) -> manifests.Composed:
    annotations = {
        "org.opencontainers.image.base.name": f"{base.host}/{base.repository}",
        "org.opencontainers.image.base.digest": request.base_digest,
        "dev.trainshed.build.key": request.key(),
    }
    try:
        return manifests.compose(
            base_manifest=manifest, base_config=config, added=added, annotations=annotations
        )
    except manifests.BaseUnsupported as error:
        raise errors.BaseUnsupported(f"{error}: use another image.base") from error


def read_library(folder: pathlib.Path) -> dict[str, bytes]:
    """Return the training library's files below `folder`/trainshed_trainer."""
    root = folder / "trainshed_trainer"
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if not found:
        raise ValueError(f"there is no training library in {root}: set trainerLibrary")
    return found


@contextlib.asynccontextmanager
async def open_builder(
    *,
    target: Target,
    ca_file: str,
    credentials_file: str,
    library: pathlib.Path,
    clock: Callable[[], float],
) -> AsyncIterator[Builder]:
    """Yield a builder with connections of its own; raises ValueError for unusable settings."""
    context = httpx.create_ssl_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=16)
    async with httpx.AsyncClient(
        verify=context, timeout=TIMEOUT, limits=limits, trust_env=False
    ) as http:
        yield Builder(
            http,
            target=target,
            logins=credentials.load(credentials_file),
            library=read_library(library),
            clock=clock,
        )
