"""Token authentication as a real registry asks for it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import httpx
import pytest

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.cluster import registry_tokens as tokens
from tests.unit.registry import images
from trainshed.registry import builder, credentials, errors

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n" * 4000})
ALL = {"pull", "push"}
PASSWORD = "pass-word-of-ann"


class Bearer(httpx.Auth):
    """Gives every request a token that may do everything."""

    def __init__(self, service: tokens.Service) -> None:
        admin = tokens.Account("", {"": ALL})
        self._token = service.token(admin, ["repository:bases/python:pull,push"])

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[tokens.Service]:
    """Return a token service with an account that may build."""
    with tokens.started(tmp_path / "tokens") as found:
        rights = {"bases/": {"pull"}, "trainshed/": ALL}
        found.accounts["ann"] = tokens.Account(PASSWORD, rights, identity_token="id-token-of-ann")
        yield found


@pytest.fixture
def server(tmp_path: pathlib.Path, service: tokens.Service) -> Iterator[servers.Server]:
    """Return a registry that believes the service, with a base image."""
    with servers.started(tmp_path / "registry", service.wanted()) as found:
        rigs.push(found, BASE, auth=Bearer(service))
        yield found


def logins(server: servers.Server, login: credentials.Login) -> dict[str, credentials.Login]:
    return {server.address: login}


ANN = credentials.Login("ann", PASSWORD)


async def test_an_account_builds_by_tokens_of_a_named_realm(
    server: servers.Server, service: tokens.Service
) -> None:
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
        built = await rig.make(f"{server.address}/bases/python:1")

        assert built.uploaded_bytes == rig.wire.uploaded()
        mounts = [each.status for each in rig.wire.of("POST") if "mount" in each.url.params]
        assert mounts == [401, 201], "no token is asked for before the registry wants one"
        # A mount needs the right to take and the right to give, in one token.
        assert ["repository:trainshed/ns/team-a:pull,push", "repository:bases/python:pull"] in (
            service.asked
        )


async def test_tokens_are_kept_so_that_an_unchanged_image_costs_one_request(
    server: servers.Server, service: tokens.Service
) -> None:
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
        await rig.make(f"{server.address}/bases/python:1")
        rig.later(builder.Times().found + 1)
        await rig.make(f"{server.address}/bases/python:1")

        assert [each.method for each in rig.wire.seen] == ["HEAD"]


async def test_a_service_that_gives_out_expired_tokens_is_not_asked_for_ever(
    server: servers.Server, service: tokens.Service
) -> None:
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
        service.stale = 1
        with pytest.raises(errors.Unauthorized):
            await rig.make(f"{server.address}/bases/python:1")
        assert len(service.asked) == 1

        built = await rig.make(f"{server.address}/bases/python:1")

    assert not built.cache_hit


async def test_an_identity_token_is_exchanged(
    server: servers.Server, service: tokens.Service
) -> None:
    login = credentials.Login("<token>", identity_token="id-token-of-ann")
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, login)) as rig:
        await rig.make(f"{server.address}/bases/python:1")

    assert set(service.methods) == {"POST"}


@pytest.mark.parametrize(
    "login",
    [
        credentials.Login("ann", "wrong-secret"),
        credentials.Login("<token>", identity_token="wrong-secret"),
    ],
    ids=["password", "identity token"],
)
async def test_wrong_credentials_are_told_without_them(
    server: servers.Server, service: tokens.Service, login: credentials.Login
) -> None:
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, login)) as rig:
        with pytest.raises(errors.Unauthorized, match=r"set registry\.credentials") as caught:
            await rig.make(f"{server.address}/bases/python:1")

    assert "wrong-secret" not in str(caught.value)


async def test_a_realm_that_is_not_named_is_never_called(
    server: servers.Server, service: tokens.Service
) -> None:
    async with rigs.opened(server, logins=logins(server, ANN)) as rig:
        with pytest.raises(errors.NotAllowed, match=r"registry\.allowed") as caught:
            await rig.make(f"{server.address}/bases/python:1")

    assert service.address in str(caught.value)
    assert service.asked == []
    assert [each.status for each in rig.wire.seen] == [401]


async def test_a_realm_without_tls_is_called_only_if_it_is_named_as_such(
    server: servers.Server, service: tokens.Service
) -> None:
    allowed = (service.address,)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
        with pytest.raises(errors.NotAllowed):
            await rig.make(f"{server.address}/bases/python:1")

    assert service.asked == []


async def test_a_realm_can_not_send_us_on(
    server: servers.Server, service: tokens.Service, tmp_path: pathlib.Path
) -> None:
    allowed = (f"http://{service.address}",)
    with tokens.started(tmp_path / "other") as other:
        service.send_to = other.url
        async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
            with pytest.raises(errors.Rejected):
                await rig.make(f"{server.address}/bases/python:1")

        assert other.asked == []


async def test_an_account_that_may_only_read_is_told_so(
    server: servers.Server, service: tokens.Service
) -> None:
    service.accounts["ann"].rights = {"": {"pull"}}
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
        with pytest.raises(errors.Forbidden, match="trainshed/ns/team-a") as caught:
            await rig.make(f"{server.address}/bases/python:1")

    assert caught.value.reason == "RegistryForbidden"
    assert rig.slept == []


async def test_where_a_mount_is_not_allowed_the_blob_is_copied(
    server: servers.Server, service: tokens.Service
) -> None:
    service.most_scopes = 1
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed, logins=logins(server, ANN)) as rig:
        built = await rig.make(f"{server.address}/bases/python:1")

    size = len(BASE.blobs[BASE.layers[0]])
    assert built.uploaded_bytes > size
    put = {each.url.params["digest"] for each in rig.wire.of("PUT", "/blobs/")}
    assert BASE.layers[0] in put


async def test_nobody_may_build_where_nobody_is_allowed_to(
    server: servers.Server, service: tokens.Service
) -> None:
    service.accounts["*"].rights = {"bases/": {"pull"}}
    allowed = (f"http://{service.address}",)
    async with rigs.opened(server, allowed=allowed) as rig:
        with pytest.raises(errors.Forbidden):
            await rig.make(f"{server.address}/bases/python:1")
