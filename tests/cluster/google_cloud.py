"""Google's names on loopback: a fake of its metadata server, and a real registry by the name of
Artifact Registry, for code that calls both as it would in GKE.

What is faked is the network's: a name leads to a port of ours. TLS, HTTP and the registry are real.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http import server as http_server
from typing import Any

import anyio
import httpx
import pytest

from hack.cluster import registries
from tests.cluster import fronts
from tests.cluster import registry_server as servers
from tests.cluster import registry_tokens as tokens
from trainshed.registry import google

HOST = "europe-west4-docker.pkg.dev"
FIRST = "ya29.first"


@dataclass(slots=True)
class Cloud:
    """What answers under Google's names."""

    server: servers.Server
    authority: pathlib.Path
    token: str = FIRST
    status: int = 200
    asked: int = 0
    """Times that the metadata server was asked as Google wants it."""
    called: list[tuple[str, int]] = field(default_factory=list)
    """Hosts and ports that were connected to."""

    @property
    def login(self) -> tuple[str, str]:
        """Return what the registry takes now."""
        return (google.USER, self.token)

    def accept(self, token: str) -> None:
        """Have the registry take another token from now on, and the metadata server give it."""
        self.token = token
        line = f"{google.USER}:{registries.bcrypt(token)}\n"
        (self.server.data / "htpasswd").write_text(line)

    def trusting(self) -> Any:
        """Return what believes the registry."""
        context = httpx.create_ssl_context(trust_env=False)
        context.load_verify_locations(cafile=str(self.authority))
        return context


@contextlib.contextmanager
def started(folder: pathlib.Path, patch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Run both until the body ends: the registry takes the token as a password."""
    tls = servers.private_tls(folder / "tls", HOST)
    known = registries.Credentials(google.USER, FIRST)
    wanted = servers.Wanted(credentials=known, tls=tls)
    with servers.started(folder / "registry", wanted) as server:
        cloud = Cloud(server, tls.authority)
        with _serving(cloud, int(server.address.rpartition(":")[2]), patch):
            yield cloud


@contextlib.contextmanager
def by_tokens(
    folder: pathlib.Path, patch: pytest.MonkeyPatch, service: tokens.Service
) -> Iterator[Cloud]:
    """Run both until the body ends: the registry wants tokens of a realm at its own name."""
    tls = servers.private_tls(folder / "tls", HOST)
    asked = service.wanted().tokens
    assert asked is not None
    wanted = servers.Wanted(tokens=replace(asked, realm=f"https://{HOST}{fronts.REALM}"))
    with (
        servers.started(folder / "registry", wanted) as server,
        fronts.started(tls, registry=server.url, tokens=service.url) as port,
    ):
        cloud = Cloud(server, tls.authority)
        with _serving(cloud, port, patch):
            yield cloud


@contextlib.contextmanager
def _serving(cloud: Cloud, port: int, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the metadata server, and have Google's names lead to it and to a port."""
    handler = type("Handler", (_Metadata,), {"cloud": cloud})
    with http_server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as metadata:
        ports = {(HOST, 443): port, (google.HOST, 80): metadata.server_port}
        patch.setattr(anyio, "connect_tcp", _routed(cloud, ports))
        thread = threading.Thread(target=metadata.serve_forever, args=(0.05,), name="metadata")
        thread.start()
        try:
            yield
        finally:
            metadata.shutdown()
            thread.join()


def _routed(cloud: Cloud, ports: dict[tuple[str, int], int]) -> Any:
    real = anyio.connect_tcp

    async def connect(remote_host: str, remote_port: int, **more: Any) -> Any:
        there = (remote_host, remote_port)
        cloud.called.append(there)
        if there not in ports:
            raise OSError(f"nothing is known of {there}")
        return await real("127.0.0.1", ports[there], **more)

    return connect


class _Metadata(http_server.BaseHTTPRequestHandler):
    cloud: Cloud

    def do_GET(self) -> None:
        """Answer as GKE's does."""
        right = self.path == google.URL.removeprefix(f"http://{google.HOST}")
        if not right or self.headers["Metadata-Flavor"] != "Google":
            self.send_error(403)
            return
        self.cloud.asked += 1
        if self.cloud.status != 200:
            self.send_error(self.cloud.status)
            return
        given = {"access_token": self.cloud.token, "expires_in": 3599, "token_type": "Bearer"}
        body = json.dumps(given).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
