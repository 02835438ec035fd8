"""A registry that misbehaves as no real one would at a wish. Only for faults: see tests/cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.unit.registry import images
from trainshed.core import observed, plan
from trainshed.registry import authentication, builder, client, credentials, retries, targets

URL = "https://registry.example"
HOST = "registry.example"
BASE_NAME = "registry.example/bases/python:1"
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"})
ENTRYPOINT = ("python3", "train.py")
Handler = Callable[[httpx.Request], Awaitable[httpx.Response] | httpx.Response]
Fault = Callable[[httpx.Request], httpx.Response | Exception | None]


def nothing_wrong(request: httpx.Request) -> None:
    """Answer every request as a registry does."""


@dataclass(slots=True)
class Registry:
    """A registry in memory that has a base image; `fault` may answer or raise before it does."""

    fault: Fault = nothing_wrong
    seen: list[httpx.Request] = field(default_factory=list)
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    keeps_account: bool = False
    """Of what refers to an image, as newer registries do."""

    def __post_init__(self) -> None:
        for digest, data in BASE.blobs.items():
            self.blobs["bases/python", digest] = data
        self.manifests["bases/python:1"] = BASE.manifest
        self.manifests[f"bases/python:{BASE.digest}"] = BASE.manifest

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.seen.append(request)
        await request.aread()
        found = self.fault(request)
        if isinstance(found, Exception):
            raise found
        return unread(found if found is not None else self._answer(request))

    def of(self, method: str, part: str = "") -> list[httpx.Request]:
        """Return the requests of a method whose path holds a text."""
        return [each for each in self.seen if each.method == method and part in each.url.path]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if match := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path):
            return self._manifest(request, f"{match[1]}:{match[2]}")
        if match := re.fullmatch(r"/v2/(.+)/blobs/uploads/(begun)?", path):
            return self._upload(request, match[1])
        if match := re.fullmatch(r"/v2/(.+)/blobs/([^/]+)", path):
            blob = self.blobs.get((match[1], match[2]))
            return httpx.Response(404) if blob is None else httpx.Response(200, content=blob)
        return httpx.Response(404)

    def _manifest(self, request: httpx.Request, name: str) -> httpx.Response:
        if request.method == "PUT":
            self.manifests[name] = request.content
            repository = name.partition(":")[0]
            self.manifests[f"{repository}:{images.digest(request.content)}"] = request.content
            subject = json.loads(request.content).get("subject")
            kept = {"OCI-Subject": subject["digest"]} if subject and self.keeps_account else {}
            return httpx.Response(201, headers=kept)
        if name not in self.manifests:
            return httpx.Response(404)
        data = self.manifests[name]
        headers = {"Docker-Content-Digest": images.digest(data)}
        return httpx.Response(
            200, headers=headers, content=b"" if request.method == "HEAD" else data
        )

    def _upload(self, request: httpx.Request, repository: str) -> httpx.Response:
        if request.method == "PUT":
            self.blobs[repository, request.url.params["digest"]] = request.content
            return httpx.Response(201)
        source = self.blobs.get(
            (request.url.params.get("from", ""), request.url.params.get("mount", ""))
        )
        if source is not None:
            self.blobs[repository, request.url.params["mount"]] = source
            return httpx.Response(201)
        return httpx.Response(202, headers={"Location": f"/v2/{repository}/blobs/uploads/begun"})


def unread(answer: httpx.Response) -> httpx.Response:
    """Return an answer as it comes from a wire: with its body still to be read."""
    if not answer.is_stream_consumed:
        return answer
    stream = httpx.ByteStream(answer.content)
    return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)


@dataclass(slots=True)
class Clock:
    """A clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@dataclass(slots=True)
class Rig:
    """A builder and a client of a registry, the waits of both, and their clock."""

    registry: Registry
    login: credentials.Login | None = None
    allowed: frozenset[str] = frozenset()
    pull: str = HOST
    prefix: str = "trainshed"
    slept: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    times: builder.Times = field(default_factory=builder.Times)

    def __post_init__(self) -> None:
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.registry))
        self.builder = builder.Builder(
            self.http,
            target=targets.Target(
                push=URL, pull=self.pull, prefix=self.prefix, allowed=self.allowed
            ),
            logins=lambda: {HOST: self.login} if self.login else {},
            library={"__init__.py": b""},
            clock=self.clock,
            patience=self._patience(),
            times=self.times,
        )
        self.client = client.Client(
            self.http,
            base=URL,
            authority=authentication.Authority(
                self.http, base=URL, login=lambda: self.login, realms=self.allowed
            ),
            patience=self._patience(),
        )

    http: Any = field(init=False)
    builder: builder.Builder = field(init=False)
    client: client.Client = field(init=False)

    async def make(
        self, code: bytes = b"print(1)", *, base: str = BASE_NAME, namespace: str = "team-a"
    ) -> observed.BuiltImage:
        """Make an image of one file of code."""
        order = plan.BuildOrder(base=base, entrypoint=ENTRYPOINT)
        return await self.builder.make(namespace, order, {"train.py": code})

    def _patience(self) -> retries.Retries:
        return retries.Retries(self._sleep, lambda: 0.0)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
