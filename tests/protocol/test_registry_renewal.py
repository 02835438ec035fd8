"""Credentials and authorities that are renewed while the operator runs, over real TLS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import ssl
import time
from collections.abc import AsyncIterator

import pytest

from trainshed.core import plan
from trainshed.progress import certificates
from trainshed.registry import builder, credentials, errors, opening, targets

LOGIN = credentials.Login("ann", "second-secret")
EMPTY = b"Content-Length: 0\r\nConnection: close\r\n\r\n"


class Guarded:
    """A registry without images that wants a password, by a certificate of its own authority."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._authority = certificates.create_authority(now=time.time())
        self._folder = folder
        self.host = ""

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Answer while the body runs."""
        pair = certificates.issue(self._authority, names=("localhost",), now=time.time())
        chain, key = self._folder / "server.pem", self._folder / "server.key"
        chain.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain, key)
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=context)
        self.host = f"localhost:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield

    def authority(self) -> bytes:
        """Return the PEM that trusts it."""
        return self._authority.certificate

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            known = LOGIN.basic().encode() in head
            refused = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n"
            writer.write((b"HTTP/1.1 404 Not Found\r\n" if known else refused) + EMPTY)
            await writer.drain()
        writer.close()


def put(path: pathlib.Path, data: bytes) -> None:
    """Replace a file at once, as the kubelet does."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.rename(path)


def auths(host: str, password: str) -> bytes:
    """Return a docker config.json."""
    entry = {"username": LOGIN.username, "password": password}
    return json.dumps({"auths": {host: entry}}).encode()


async def refusal(maker: builder.Builder, host: str) -> errors.RegistryError:
    """Return why there is no image; the base never is there."""
    order = plan.BuildOrder(base=f"{host}/bases/python:1", entrypoint=("x",))
    with pytest.raises(errors.RegistryError) as caught:
        await maker.make("team-a", order, {"train.py": b""})
    return caught.value


async def test_a_renewed_authority_and_password_are_used_without_a_restart(
    tmp_path: pathlib.Path,
) -> None:
    library = tmp_path / "trainshed_trainer"
    library.mkdir()
    (library / "__init__.py").write_bytes(b"")
    authority, config = tmp_path / "ca.pem", tmp_path / "config.json"
    authority.write_bytes(certificates.create_authority(now=time.time()).certificate)
    registry = Guarded(tmp_path)
    async with registry.served():
        config.write_bytes(auths(registry.host, "first-secret"))
        async with opening.open_builder(
            target=targets.Target(
                push=f"https://{registry.host}",
                pull=registry.host,
                prefix="trainshed",
                allowed=frozenset(),
            ),
            ca_file=str(authority),
            credentials_file=str(config),
            library=tmp_path,
            clock=time.monotonic,
        ) as maker:
            unknown = await refusal(maker, registry.host)
            put(authority, registry.authority())
            unauthorized = await refusal(maker, registry.host)
            put(config, auths(registry.host, LOGIN.password))
            missing = await refusal(maker, registry.host)
            put(authority, certificates.create_authority(now=time.time()).certificate)
            unknown_again = await refusal(maker, registry.host)

    assert unknown.reason == "RegistryCertificateUnknown"
    assert unauthorized.reason == "RegistryUnauthorized"
    assert missing.reason == "BaseImageNotFound", "it has been asked, and believed us"
    assert unknown_again.reason == "RegistryCertificateUnknown"
