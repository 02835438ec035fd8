"""Real registries on loopback: Debian's docker-registry, one process for each that a test wants."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from hack.cluster import registries, waiting
from trainshed.progress import certificates

PROGRAM = shutil.which("docker-registry")
needs_registry = pytest.mark.skipif(PROGRAM is None, reason="docker-registry is not installed")


@dataclass(frozen=True, slots=True)
class Tls:
    """A private authority, and a certificate of it for `localhost`."""

    authority: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path


@dataclass(frozen=True, slots=True)
class TokenService:
    """Who issues tokens that a registry accepts."""

    realm: str
    service: str
    issuer: str
    certificate: pathlib.Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What kind of registry."""

    credentials: registries.Credentials | None = None
    tls: Tls | None = None
    tokens: TokenService | None = None
    remembers_blobs: bool = False
    """Whether it has a cache of blob descriptors, as distribution's stock configuration has."""


@dataclass(frozen=True, slots=True)
class Server:
    """A registry that runs."""

    address: str
    url: str
    data: pathlib.Path
    log: pathlib.Path

    def lose(self, digest: str) -> None:
        """Delete a blob's bytes behind the registry's back, as its garbage collection does."""
        self.path(digest).unlink()

    def head(self, path: str) -> int:
        """Return the status of a HEAD."""
        return httpx.head(f"{self.url}/v2/{path}", trust_env=False).status_code

    def holds(self, digest: str) -> bool:
        """Return whether the bytes of a blob are on the disk."""
        return self.path(digest).exists()

    def path(self, digest: str) -> pathlib.Path:
        """Return where the bytes of a blob are on the disk."""
        kind, _, value = digest.partition(":")
        return self.data / "docker/registry/v2/blobs" / kind / value[:2] / value / "data"


@contextlib.contextmanager
def started(folder: pathlib.Path, wanted: Wanted | None = None) -> Iterator[Server]:
    """Run a registry with its data under `folder` until the body ends."""
    assert PROGRAM is not None
    wanted = wanted or Wanted()
    host = "localhost" if wanted.tls else "127.0.0.1"
    port = free_port()
    data, log = folder / "data", folder / "log"
    data.mkdir(parents=True, exist_ok=True)
    path = folder / "registry.json"
    path.write_text(json.dumps(_config(wanted, data=data, address=f"127.0.0.1:{port}")))
    with log.open("wb") as file:
        process = subprocess.Popen([PROGRAM, "serve", str(path)], stdout=file, stderr=file)
    try:
        waiting.until("the registry", lambda: _missing(process, port, log), seconds=15)
        scheme = "https" if wanted.tls else "http"
        yield Server(f"{host}:{port}", f"{scheme}://{host}:{port}", data, log)
    finally:
        process.terminate()
        process.wait(timeout=10)


def private_tls(folder: pathlib.Path, *names: str) -> Tls:
    """Return an authority of its own and a certificate of it, for further names too, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = certificates.create_authority(now=time.time())
    pair = certificates.issue(authority, names=("localhost", *names), now=time.time())
    found = Tls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    found.authority.write_bytes(authority.certificate)
    found.certificate.write_bytes(pair.certificate)
    found.key.write_bytes(pair.key)
    return found


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _config(wanted: Wanted, *, data: pathlib.Path, address: str) -> dict[str, Any]:
    served: dict[str, Any] = {"addr": address}
    if wanted.tls:
        served["tls"] = {"certificate": str(wanted.tls.certificate), "key": str(wanted.tls.key)}
    storage: dict[str, Any] = {
        "filesystem": {"rootdirectory": str(data)},
        "delete": {"enabled": True},
        "maintenance": {"uploadpurging": {"enabled": False}},
    }
    if wanted.remembers_blobs:
        storage["cache"] = {"blobdescriptor": "inmemory"}
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": storage,
        "http": served,
    }
    if wanted.credentials:
        line = f"{wanted.credentials.user}:{registries.bcrypt(wanted.credentials.password)}\n"
        (data / "htpasswd").write_text(line)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(data / "htpasswd")}}
    if wanted.tokens:
        config["auth"] = {
            "token": {
                "realm": wanted.tokens.realm,
                "service": wanted.tokens.service,
                "issuer": wanted.tokens.issuer,
                "rootcertbundle": str(wanted.tokens.certificate),
            }
        }
    return config


def _missing(process: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> str | None:
    if process.poll() is not None:
        return f"it ended: {log.read_text()[-500:]}"
    with socket.socket() as tried:
        return "nothing listens" if tried.connect_ex(("127.0.0.1", port)) else None


@dataclass(slots=True)
class Seen:
    """One request that went out."""

    method: str
    url: httpx.URL
    status: int = 0
    sent: int = 0
    """Bytes of its body."""

    def __str__(self) -> str:
        """Return method and path, digests cut."""
        return f"{self.method} {self.url.path}"


@dataclass(slots=True)
class Recorder(httpx.AsyncBaseTransport):
    """Sends requests on, and remembers them."""

    inner: httpx.AsyncBaseTransport = field(default_factory=httpx.AsyncHTTPTransport)
    seen: list[Seen] = field(default_factory=list)
    watch: Callable[[Seen], object] = lambda seen: None
    """Called with each request as it goes out."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, count the bytes of its body."""
        entry = Seen(request.method, request.url)
        self.seen.append(entry)
        self.watch(entry)
        request.stream = _Counted(request.stream, entry)
        answer = await self.inner.handle_async_request(request)
        entry.status = answer.status_code
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()

    def clear(self) -> None:
        """Forget what was seen."""
        self.seen.clear()

    def of(self, method: str, part: str = "") -> list[Seen]:
        """Return the requests of a method whose path holds a text."""
        return [each for each in self.seen if each.method == method and part in each.url.path]

    def uploaded(self) -> int:
        """Return the bytes that went out in bodies."""
        return sum(each.sent for each in self.seen)


class _Counted(httpx.AsyncByteStream):
    def __init__(self, inner: Any, entry: Seen) -> None:
        self._inner = inner
        self._entry = entry

    async def __aiter__(self) -> Any:
        async for piece in self._inner:
            self._entry.sent += len(piece)
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()
