"""What a real registry refuses, and what a person is told of it, within seconds."""

from __future__ import annotations

import asyncio
import json
import logging
import pathlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hack.cluster import registries
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import plan
from trainshed.registry import credentials, errors, opening, targets

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"})
PASSWORD = "pass-word-of-ann"
SECONDS = 5.0
"""Within which a refusal must be told, with the real waits between tries."""


async def refusal(
    push: str,
    base: str,
    *,
    tmp_path: pathlib.Path,
    ca: str = "",
    auths: dict[str, Any] | None = None,
) -> errors.RegistryError:
    """Build with the operator's own settings; return why it was refused, which must be quick."""
    async with operator(push, tmp_path=tmp_path, ca=ca, auths=auths) as made:
        order = plan.BuildOrder(base=base, entrypoint=rigs.ENTRYPOINT)
        begun = time.monotonic()
        with pytest.raises(errors.RegistryError) as caught:
            await made.make("team-a", order, rigs.CODE)
        assert time.monotonic() - begun < SECONDS
    return caught.value


def operator(
    push: str,
    *,
    tmp_path: pathlib.Path,
    ca: str = "",
    auths: dict[str, Any] | None = None,
    allowed: tuple[str, ...] = (),
) -> Any:
    """Return the builder as the operator opens it, of settings."""
    library = tmp_path / "trainer" / "trainshed_trainer"
    library.mkdir(parents=True, exist_ok=True)
    (library / "__init__.py").write_bytes(b"")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": auths or {}}))
    return opening.open_builder(
        target=targets.Target(
            push=push,
            pull=push.partition("//")[2],
            prefix="trainshed",
            allowed=frozenset(allowed),
        ),
        ca_file=ca,
        credentials_file=str(file),
        library=library.parent,
        clock=time.monotonic,
    )


async def test_a_good_password_builds_and_a_wrong_or_no_one_is_told(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = servers.Wanted(credentials=registries.Credentials("ann", PASSWORD))
    with servers.started(tmp_path / "registry", wanted) as server:
        base = rigs.push(server, BASE, auth=("ann", PASSWORD))

        login = credentials.Login("ann", PASSWORD)
        async with rigs.opened(server, logins={server.address: login}) as rig:
            built = await rig.make(base)
            assert built.uploaded_bytes == rig.wire.uploaded()
        auths = {server.address: {"username": "ann", "password": "wrong-secret"}}
        wrong = await refusal(server.url, base, tmp_path=tmp_path, auths=auths)
        nobody = await refusal(server.url, base, tmp_path=tmp_path)

    assert (wrong.reason, nobody.reason) == ("RegistryUnauthorized", "RegistryUnauthorized")
    assert "refuses the credentials of the operator: set registry.credentials" in str(wrong)
    assert "wants credentials" in str(nobody)
    encoded = credentials.Login("ann", PASSWORD).basic().partition(" ")[2]
    for secret in (PASSWORD, "wrong-secret", encoded):
        assert secret not in caplog.text
        assert secret not in f"{wrong} {nobody} {wrong!r} {login!r}"


async def test_a_registry_that_is_down_is_told(tmp_path: pathlib.Path) -> None:
    down = f"127.0.0.1:{servers.free_port()}"

    found = await refusal(f"http://{down}", f"{down}/bases/python:1", tmp_path=tmp_path)

    assert found.reason == "RegistryUnavailable"
    assert not found.terminal
    assert down in str(found)


async def test_a_host_without_a_name_is_told(tmp_path: pathlib.Path) -> None:
    host = "registry.invalid:5000"

    found = await refusal(f"http://{host}", f"{host}/bases/python:1", tmp_path=tmp_path)

    assert found.reason == "RegistryUnavailable"


async def test_an_unknown_authority_is_told_and_a_known_one_is_trusted(
    tmp_path: pathlib.Path,
) -> None:
    tls = servers.private_tls(tmp_path / "tls")
    context = httpx.create_ssl_context(trust_env=False)
    context.load_verify_locations(cafile=str(tls.authority))
    with servers.started(tmp_path / "registry", servers.Wanted(tls=tls)) as server:
        base = rigs.push(server, BASE, verify=context)

        found = await refusal(server.url, base, tmp_path=tmp_path)
        assert found.reason == "RegistryCertificateUnknown"
        assert "set registry.ca" in str(found)
        order = plan.BuildOrder(base=base, entrypoint=rigs.ENTRYPOINT)
        async with operator(server.url, tmp_path=tmp_path, ca=str(tls.authority)) as made:
            built = await made.make("team-a", order, rigs.CODE)

    assert built.ref.startswith(f"{server.address}/trainshed/ns/team-a@sha256:")


async def test_a_certificate_of_another_host_is_told(tmp_path: pathlib.Path) -> None:
    tls = servers.private_tls(tmp_path / "tls")
    with servers.started(tmp_path / "registry", servers.Wanted(tls=tls)) as server:
        url = server.url.replace("localhost", "127.0.0.1")
        base = f"{url.partition('//')[2]}/bases/python:1"

        found = await refusal(url, base, tmp_path=tmp_path, ca=str(tls.authority))

    assert found.reason == "RegistryCertificateUnknown"


async def test_tls_on_one_side_only_is_told(tmp_path: pathlib.Path) -> None:
    tls = servers.private_tls(tmp_path / "tls")
    with (
        servers.started(tmp_path / "plain") as plain,
        servers.started(tmp_path / "secure", servers.Wanted(tls=tls)) as secure,
    ):
        asked = plain.url.replace("http://", "https://")
        ours = await refusal(asked, f"{plain.address}/bases/python:1", tmp_path=tmp_path)
        asked = secure.url.replace("https://", "http://")
        theirs = await refusal(asked, f"{secure.address}/bases/python:1", tmp_path=tmp_path)

    assert ours.reason == "RegistryUnavailable"
    assert "http://" in str(ours)
    assert theirs.reason == "RegistryRejected"


@pytest.mark.parametrize(
    "name",
    ["bases/python:none", "bases/none:1", "bases/python@sha256:" + "0" * 64],
    ids=["tag", "repository", "digest"],
)
async def test_a_base_that_does_not_exist_is_told(rig: rigs.Rig, name: str) -> None:
    with pytest.raises(errors.BaseNotFound, match="push it, or name another") as caught:
        await rig.make(f"{rig.target.pull}/{name}")

    assert name in str(caught.value)
    assert rig.slept == []


async def test_a_host_that_is_not_allowed_is_never_called(rig: rigs.Rig) -> None:
    for base in ("elsewhere.example/bases/python:1", "python:3.13", "localhost/python"):
        with pytest.raises(errors.NotAllowed, match=r"registry\.allowed"):
            await rig.make(base)

    assert rig.wire.seen == []


async def test_an_image_of_another_namespace_is_no_base(rig: rigs.Rig, tmp_path: Any) -> None:
    server = servers.Server(rig.target.pull, rig.target.push, tmp_path, tmp_path)
    theirs = await rig.make(rigs.push(server, BASE), namespace="team-b")

    with pytest.raises(errors.BaseNotAllowed, match="is of namespace team-b"):
        await rig.make(theirs.ref, namespace="team-a")
    assert rig.wire.seen == []

    again = await rig.make(theirs.ref, {"train.py": b"print(2)"}, namespace="team-b")
    assert again.base_digest == theirs.ref.partition("@")[2]


BASES: dict[str, Callable[[], images.Image]] = {
    "another platform": lambda: images.image({"a": b"b"}, platform="linux/arm64"),
    "an index without ours": lambda: images.index(
        {"linux/arm64": images.image({"a": b"b"}, platform="linux/arm64")}
    ),
    "too many layers": lambda: images.image(*({f"{n}": b""} for n in range(126))),
}


@pytest.mark.parametrize("kind", BASES)
async def test_a_base_that_nothing_can_be_put_onto_is_told(
    tmp_path: pathlib.Path, kind: str
) -> None:
    with servers.started(tmp_path / "registry") as server:
        base = rigs.push(server, BASES[kind]())
        async with rigs.opened(server) as rig:
            with pytest.raises(errors.BaseUnsupported, match=r"use another image\.base") as caught:
                await rig.make(base)

    assert caught.value.terminal
    assert rig.wire.of("PUT") == []


async def test_a_registry_that_comes_back_is_used_again(tmp_path: pathlib.Path) -> None:
    with servers.started(tmp_path / "registry") as server:
        base = rigs.push(server, BASE)
        async with rigs.opened(server) as rig:
            built = await rig.make(base)
    async with rigs.opened(server) as rig:
        with pytest.raises(errors.Unavailable):
            await rig.make(base)
        assert len(rig.slept) == 2
    assert built.key


async def test_one_jobs_refusal_keeps_no_other_from_building(rig: rigs.Rig, tmp_path: Any) -> None:
    server = servers.Server(rig.target.pull, rig.target.push, tmp_path, tmp_path)
    base = rigs.push(server, BASE)

    results = await asyncio.gather(
        rig.make(f"{rig.target.pull}/bases/none:1"),
        rig.make(base),
        rig.make("elsewhere.example/x"),
        return_exceptions=True,
    )

    assert [isinstance(each, Exception) for each in results] == [True, False, True]
