"""A real registry that takes the operator's tokens alone, and tenants who try the rest."""

from __future__ import annotations

import pathlib
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests import granting_rig as grants
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.granting import rights
from trainshed.registry import errors

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n" * 4000})
OWN, OTHERS = "trainshed/ns/team-a", "trainshed/ns/team-b"


class Bearer(httpx.Auth):
    """Gives every request a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@pytest.fixture
async def grant(tmp_path: pathlib.Path) -> AsyncIterator[grants.Rig]:
    """Return a token service with a build pod in each of two namespaces."""
    async with grants.Rig().serving() as found:
        yield found


@pytest.fixture
def server(tmp_path: pathlib.Path, grant: grants.Rig) -> Iterator[servers.Server]:
    """Return a registry that believes it, with a base image that an administrator has pushed."""
    with servers.started(tmp_path / "registry", grant.wanted(tmp_path / "keys")) as found:
        scope = "repository:bases/python:pull,push"
        account = rights.Account(rights.Role.ADMINISTRATOR)
        access = rights.access(account, [scope], folder=grants.FOLDER)
        rigs.push(found, BASE, auth=Bearer(grant.signer.token(access, subject="admin")))
        yield found


def base(server: servers.Server) -> str:
    return f"{server.address}/bases/python:1"


async def call(
    server: servers.Server, token: str, method: str, path: str, content: bytes = b""
) -> int:
    """Return the status of a call with a token."""
    async with httpx.AsyncClient(trust_env=False, auth=Bearer(token)) as http:
        kind = "application/vnd.oci.image.manifest.v1+json"
        headers = {"Content-Type": kind, "Accept": kind}
        answer = await http.request(
            method, f"{server.url}/v2/{path}", content=content, headers=headers
        )
    return answer.status_code


async def read(server: servers.Server, grant: grants.Rig, digest: str) -> bytes:
    """Return the bytes of a manifest of team-b, read as the operator."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    bearer = Bearer(await grant.operator([f"repository:{OTHERS}:pull"]))
    async with httpx.AsyncClient(trust_env=False, auth=bearer) as http:
        url = f"{server.url}/v2/{OTHERS}/manifests/{digest}"
        return (await http.get(url, headers={"Accept": kind})).raise_for_status().content


async def granted(grant: grants.Rig, *scopes: str) -> str:
    """Return what the build pod of team-a gets for scopes."""
    answer = await grant.ask(grant.token(), *scopes)
    return str(answer.json()["token"])


async def test_the_operator_builds_by_tokens_of_its_own(
    server: servers.Server, grant: grants.Rig
) -> None:
    async with rigs.opened(server, issue=grant.operator) as rig:
        built = await rig.make(base(server))
        mounts = [each.status for each in rig.wire.of("POST") if "mount" in each.url.params]

    assert built.ref.startswith(f"{server.address}/{OWN}@sha256:")
    assert mounts[-1] == 201


async def test_a_build_pod_builds_by_its_own_token(
    server: servers.Server, grant: grants.Rig
) -> None:
    async with grant.exchanger() as exchanger, rigs.opened(server, issue=exchanger.issue) as rig:
        built = await rig.make(base(server))
        mounts = [each.status for each in rig.wire.of("POST") if "mount" in each.url.params]

    assert not built.cache_hit
    # A mount needs the right to take and the right to give, in one token.
    assert mounts[-1] == 201


async def test_a_build_pod_can_not_build_for_another_namespace(
    server: servers.Server, grant: grants.Rig
) -> None:
    async with grant.exchanger() as exchanger, rigs.opened(server, issue=exchanger.issue) as rig:
        with pytest.raises(errors.Forbidden, match="trainshed/ns/team-b"):
            await rig.make(base(server), namespace="team-b")


async def test_a_tenant_reaches_nothing_of_another_namespace(
    server: servers.Server, grant: grants.Rig
) -> None:
    async with rigs.opened(server, issue=grant.operator) as rig:
        theirs = await rig.make(base(server), namespace="team-b")
        digest = theirs.ref.partition("@")[2]
    body = await read(server, grant, digest)
    token = await granted(
        grant,
        f"repository:{OTHERS}:pull,push,delete",
        f"repository:{OWN}:pull,push,delete",
        "registry:catalog:*",
        f"repository:{OTHERS}:*",
    )

    tried = {
        "read a manifest": ("GET", f"{OTHERS}/manifests/{digest}", b""),
        "read a blob": ("GET", f"{OTHERS}/blobs/{BASE.layers[0]}", b""),
        "list its tags": ("GET", f"{OTHERS}/tags/list", b""),
        "begin an upload": ("POST", f"{OTHERS}/blobs/uploads/", b""),
        "overwrite a tag": ("PUT", f"{OTHERS}/manifests/{theirs.key}", body),
        "delete a manifest": ("DELETE", f"{OTHERS}/manifests/{digest}", b""),
        "delete a manifest of its own": ("DELETE", f"{OWN}/manifests/{digest}", b""),
        "list all repositories": ("GET", "_catalog", b""),
        "overwrite a base": ("PUT", "bases/python/manifests/1", body),
    }
    found = {what: await call(server, token, *each) for what, each in tried.items()}
    assert found == dict.fromkeys(tried, 401)
    # Taking a blob out of another namespace's repository gives an upload, and no blob.
    query = f"blobs/uploads/?mount={BASE.layers[0]}&from={OTHERS}"
    assert await call(server, token, "POST", f"{OWN}/{query}") in (202, 401)
    async with rigs.opened(server, issue=grant.operator) as rig:
        assert (await rig.make(base(server), namespace="team-b")).cache_hit


async def test_a_node_pulls_by_its_namespaces_secret_alone(
    server: servers.Server, grant: grants.Rig
) -> None:
    async with rigs.opened(server, issue=grant.operator) as rig:
        ours = await rig.make(base(server))
        theirs = await rig.make(base(server), {"train.py": b"secret"}, namespace="team-b")
    asked = (f"repository:{OWN}:pull,push", f"repository:{OTHERS}:pull")
    answer = await grant.login(rights.Account(rights.Role.PULLER, "team-a"), *asked)
    token = str(answer.json()["token"])

    digest, foreign = (each.ref.partition("@")[2] for each in (ours, theirs))
    assert await call(server, token, "GET", f"{OWN}/manifests/{digest}") == 200
    assert await call(server, token, "GET", f"{OTHERS}/manifests/{foreign}") == 401
    assert await call(server, token, "POST", f"{OWN}/blobs/uploads/") == 401


async def test_a_password_is_no_token_of_the_registry(
    server: servers.Server, grant: grants.Rig
) -> None:
    password = grant.signer.password(rights.Account(rights.Role.ADMINISTRATOR))

    assert await call(server, password, "GET", "bases/python/manifests/1") == 401
    assert await call(server, grant.token(), "GET", "bases/python/manifests/1") == 401


@pytest.mark.parametrize("seconds", [-90, 50])
async def test_a_small_skew_of_the_clocks_does_no_harm(
    server: servers.Server, grant: grants.Rig, seconds: float
) -> None:
    grant.clock = lambda: time.time() + seconds
    async with rigs.opened(server, issue=grant.operator) as rig:
        assert await rig.make(base(server))


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_large_skew_is_told(
    server: servers.Server, grant: grants.Rig, seconds: float
) -> None:
    grant.clock = lambda: time.time() + seconds
    async with rigs.opened(server, issue=grant.operator) as rig:
        with pytest.raises(errors.Unauthorized, match="clock is right"):
            await rig.make(base(server))


async def test_a_key_that_the_registry_does_not_know_is_told(
    server: servers.Server, grant: grants.Rig
) -> None:
    stranger = grants.Rig()
    async with rigs.opened(server, issue=stranger.operator) as rig:
        with pytest.raises(errors.Unauthorized, match="trainshed-registry-tokens is new"):
            await rig.make(base(server))
