"""A push that a build pod is refused: by a Secret's fault or the registry's, and no secret told."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import logging
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hack.cluster import registries
from tests import facts
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.buildpod import places, words
from trainshed.core import plan
from trainshed.registry import errors, opening

pytestmark = servers.needs_registry
PASSWORD = "hunter2-secret"
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"})


@pytest.fixture
def base(server: servers.Server) -> str:
    """Return a base in the operator's own registry."""
    return rigs.push(server, BASE)


async def refusal(
    server: servers.Server,
    folder: pathlib.Path,
    base: str,
    *,
    host: str,
    password: str = PASSWORD,
    tls: bool = False,
    authority: str = "",
) -> errors.RegistryError:
    """Build as a pod does whose Secret was mounted into it; return why it was refused."""
    files, secret = folder / "files", folder / "push"
    for each in (files, secret, folder / "library/trainshed_trainer"):
        each.mkdir(parents=True)
    (folder / "library/trainshed_trainer/__init__.py").write_text("")
    login = {host: {"username": "ann", "password": password}}
    (secret / ".dockerconfigjson").write_text(json.dumps({"auths": login}))
    if authority:
        (secret / "ca.crt").write_text(authority)
    order = facts.pod_order(base=base, repository=f"{host}/team/images")
    settings = {"push": server.url, "pull": server.address, "prefix": "trainshed"}
    found = places.of(
        order,
        {**settings, "withoutTls": [] if tls else [host]},
        mounts=places.Mounts(files=files, push=secret, oci=folder / "none", scratch=folder),
    )
    async with opening.open_builder(
        target=found.target,
        ca_file=found.ca_file,
        credentials_file=found.push_file,
        library=folder / "library",
        clock=time.monotonic,
        whose=places.PUSHER,
    ) as maker:
        wanted = plan.BuildOrder(base=base, entrypoint=("x",), repository=order.repository)
        with pytest.raises(errors.RegistryError) as caught:
            await maker.make("team-a", wanted, {"train.py": b"1"})
    return caught.value


def told(error: errors.RegistryError, log: str, *secrets: str) -> str:
    """Return the message, in which no secret is, nor in the pod's last words or its log."""
    last = words.refused(error.reason, str(error), terminal=error.terminal)
    for secret in secrets:
        encoded = base64.b64encode(f"ann:{secret}".encode()).decode()
        for each in (secret, encoded):
            assert each not in f"{error} {error!r} {last} {log}"
    return str(error)


async def test_a_wrong_password_is_told_of_the_secret(
    server: servers.Server, base: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    known = registries.Credentials("ann", PASSWORD)
    with servers.started(tmp_path / "elsewhere", servers.Wanted(credentials=known)) as elsewhere:
        found = await refusal(
            server, tmp_path, base, host=elsewhere.address, password="wrong-secret"
        )

    assert (found.reason, found.terminal) == ("RegistryUnauthorized", False)
    message = told(found, caplog.text, PASSWORD, "wrong-secret")
    assert elsewhere.address in message
    assert "image.pushSecret" in message


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (403, "RegistryForbidden", "image.pushSecret"),
        (413, "RegistryQuotaExceeded", "has no room"),
        (507, "RegistryQuotaExceeded", "has no room"),
    ],
    ids=["read-only", "too large", "full"],
)
async def test_a_registry_that_takes_no_blob_is_told(
    server: servers.Server,
    base: str,
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
    status: int,
    reason: str,
    said: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    known = registries.Credentials("ann", PASSWORD)
    with (
        servers.started(tmp_path / "elsewhere", servers.Wanted(credentials=known)) as elsewhere,
        in_front(elsewhere, status) as (host, asked),
    ):
        found = await refusal(server, tmp_path, base, host=host)

    assert (found.reason, found.terminal) == (reason, False)
    message = told(found, caplog.text, PASSWORD)
    assert host in message
    assert said in message
    # It was the push that was refused, and not the login.
    assert [method for method, given in asked if method == "POST" and given]


async def test_an_unknown_authority_is_told_of_the_secrets_key(
    server: servers.Server, base: str, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = servers.Wanted(
        credentials=registries.Credentials("ann", PASSWORD),
        tls=servers.private_tls(tmp_path / "tls"),
    )
    other = servers.private_tls(tmp_path / "other").authority.read_text(encoding="ascii")
    with servers.started(tmp_path / "elsewhere", wanted) as elsewhere:
        for name, authority in {"none": "", "another": other}.items():
            found = await refusal(
                server,
                tmp_path / name,
                base,
                host=elsewhere.address,
                tls=True,
                authority=authority,
            )
            assert (found.reason, found.terminal) == ("RegistryCertificateUnknown", False)
            assert "ca.crt" in told(found, caplog.text, PASSWORD)


@contextlib.contextmanager
def in_front(elsewhere: servers.Server, status: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Pass on what a registry is asked, but answer all that writes with a status.

    Yields the address, and method and Authorization header of each request.
    """
    asked: list[tuple[str, str]] = []
    known = {"url": elsewhere.url, "status": status, "asked": asked}
    handler = type("Handler", (_InFront,), known)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{front.server_address[1]}", asked
        finally:
            front.shutdown()
            thread.join(timeout=10)


class _InFront(http.server.BaseHTTPRequestHandler):
    url: str
    status: int
    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        """Pass on a read."""
        self._pass_on()

    def do_HEAD(self) -> None:
        """Pass on a question."""
        self._pass_on()

    def do_POST(self) -> None:
        """Refuse to begin an upload, once the login is known to be good."""
        self._pass_on()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _pass_on(self) -> None:
        given = self.headers.get("Authorization", "")
        self.asked.append((self.command, given))
        headers = {name: self.headers[name] for name in ("Authorization", "Accept")
                   if self.headers.get(name)}  # fmt: skip
        answer = httpx.request(
            self.command, f"{self.url}{self.path}", headers=headers, trust_env=False
        )
        if self.command == "POST" and answer.is_success:
            # A careless registry, that repeats what it was given.
            return self._answer(self.status, f"refused {given}".encode(), {})
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name in ("content-type", "www-authenticate", "docker-content-digest")
        }
        return self._answer(answer.status_code, answer.content, kept)

    def _answer(self, status: int, body: bytes, headers: dict[str, Any]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        # Who was refused once does not wait for the other answers.
        with contextlib.suppress(ConnectionError):
            if self.command != "HEAD":
                self.wfile.write(body)
