"""Images by Google's token: the operator's way and a build pod's, to a real registry.

The registry is distribution under the name of Artifact Registry; the metadata server is a fake.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import pathlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests import facts
from tests.cluster import google_cloud as clouds
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.cluster import registry_tokens as tokens
from tests.unit.registry import faulty, images
from trainshed.buildpod import artifacts, makers, places
from trainshed.builds import orders
from trainshed.core import observed, plan
from trainshed.registry import builder, errors, google, opening, targets

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n" * 400})
CODE = images.artifact({"train.py": b"print(1)\n"})
BASED = f"{clouds.HOST}/project/bases/python:1"
PREFIX = "project/trainshed-{namespace}"
SETTINGS: dict[str, Any] = {
    "namespace": "team-a",
    "push": f"https://{clouds.HOST}",
    "pull": clouds.HOST,
    "prefix": PREFIX,
    "google": True,
}


@pytest.fixture
def cloud(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[clouds.Cloud]:
    """Return Google's names, with a base and an artifact under the registry's."""
    with clouds.started(tmp_path / "cloud", monkeypatch) as found:
        login, trust = found.login, found.trusting()
        rigs.push(found.server, BASE, repository="project/bases/python", auth=login, verify=trust)
        rigs.push(found.server, CODE, repository="project/code/a", auth=login, verify=trust)
        found.called.clear()
        yield found


class Everything(httpx.Auth):
    """Gives requests a token that may do everything in one repository."""

    def __init__(self, service: tokens.Service, repository: str) -> None:
        admin = tokens.Account("", {"": {"pull", "push"}})
        self._token = service.token(admin, [f"repository:{repository}:pull,push"])

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@pytest.fixture
def library(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder with a training library."""
    folder = tmp_path / "library"
    (folder / "trainshed_trainer").mkdir(parents=True)
    (folder / "trainshed_trainer/__init__.py").write_text("")
    return folder


@contextlib.asynccontextmanager
async def operators(
    cloud: clouds.Cloud, library: pathlib.Path, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[builder.Builder]:
    """Yield what makes images in the operator."""
    target = targets.Target(
        push=SETTINGS["push"], pull=clouds.HOST, prefix=PREFIX, allowed=frozenset({"other.example"})
    )
    async with (
        google.opened(True, push=target.push, clock=clock) as lender,
        opening.open_builder(
            target=target,
            ca_file=str(cloud.authority),
            credentials_file="",
            library=library,
            clock=clock,
            lender=lender,
        ) as maker,
    ):
        yield maker


async def make(
    maker: builder.Builder,
    code: bytes = b"1",
    *,
    base: str = BASED,
) -> observed.BuiltImage:
    """Return an image of one file."""
    order = plan.BuildOrder(base=base, entrypoint=("python3", "train.py"))
    return await maker.make("team-a", order, {"train.py": code})


def manifest(cloud: clouds.Cloud, ref: str) -> Any:
    """Return an image's manifest, read by the token of now."""
    name, _, digest = ref.partition("/")[2].partition("@")
    url = f"{cloud.server.url}/v2/{name}/manifests/{digest}"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    with httpx.Client(auth=cloud.login, verify=cloud.trusting(), trust_env=False) as http:
        return http.get(url, headers=accept).raise_for_status().json()


async def test_the_operator_pushes_to_a_namespaces_own_repository(
    cloud: clouds.Cloud, library: pathlib.Path
) -> None:
    async with operators(cloud, library) as maker:
        built = await make(maker)

    assert built.ref.startswith(f"{clouds.HOST}/project/trainshed-team-a/ns/team-a@")
    layers = [each["digest"] for each in manifest(cloud, built.ref)["layers"]]
    assert BASE.layers[0] in layers
    assert cloud.asked == 1
    assert set(cloud.called) == {(clouds.HOST, 443), (google.HOST, 80)}


async def test_tokens_are_had_of_the_registry_itself_by_googles(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, library: pathlib.Path
) -> None:
    own = {"project/bases/": {"pull"}, "project/trainshed-team-a/": {"pull", "push"}}
    with (
        tokens.started(tmp_path / "tokens") as service,
        clouds.by_tokens(tmp_path / "cloud", monkeypatch, service) as cloud,
    ):
        service.accounts[google.USER] = tokens.Account(cloud.token, own)
        admin = Everything(service, "project/bases/python")
        rigs.push(cloud.server, BASE, repository="project/bases/python", auth=admin)
        cloud.called.clear()
        async with operators(cloud, library) as maker:
            built = await make(maker)
            order = plan.BuildOrder(base=BASED, entrypoint=("x",))
            with pytest.raises(errors.RegistryError) as other:
                await maker.make("team-b", order, {"train.py": b"1"})

    assert built.ref.startswith(f"{clouds.HOST}/project/trainshed-team-a/ns/team-a@")
    assert other.value.reason in ("RegistryForbidden", "RegistryUnauthorized")
    assert google.ACCOUNT in str(other.value)
    assert service.methods == ["GET"] * len(service.methods)
    assert ["repository:project/trainshed-team-a/ns/team-a:pull,push"] in service.asked
    assert set(cloud.called) == {(clouds.HOST, 443), (google.HOST, 80)}


async def test_a_build_pod_pushes_by_its_own_serviceaccounts_token(
    cloud: clouds.Cloud, library: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    order = facts.pod_order(base=BASED)
    async with makers.opened(
        order, SETTINGS, pod(cloud, tmp_path, order), library=library
    ) as maker:
        built = await make(maker)

    assert built.ref.startswith(f"{clouds.HOST}/project/trainshed-team-a/ns/team-a@")
    assert manifest(cloud, built.ref)["layers"]


def test_a_build_pod_reads_artifacts_by_it(cloud: clouds.Cloud, tmp_path: pathlib.Path) -> None:
    oci = orders.Oci(f"{clouds.HOST}/project/code/a:1", "")

    files, digest = fetch(cloud, tmp_path, oci)

    assert (files, digest) == ({"train.py": b"print(1)\n"}, CODE.digest)


def test_why_there_is_no_token_is_no_fault_of_an_artifact(
    cloud: clouds.Cloud, tmp_path: pathlib.Path
) -> None:
    cloud.status = 403

    with pytest.raises(errors.MetadataServerRefused, match="it answers 403"):
        fetch(cloud, tmp_path, orders.Oci(f"{clouds.HOST}/project/code/a:1", ""))


async def test_a_token_that_ends_is_replaced_before_the_registry_refuses_it(
    cloud: clouds.Cloud, library: pathlib.Path
) -> None:
    clock = faulty.Clock()
    async with operators(cloud, library, clock) as maker:
        await make(maker)
        cloud.accept("ya29.second")
        clock.now += 3600
        built = await make(maker, b"2")

    assert manifest(cloud, built.ref)["layers"]
    assert cloud.asked == 2


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "MetadataServerRefused"), (404, "MetadataServerRefused")]
)
async def test_a_pod_that_gets_no_token_is_told_why(
    cloud: clouds.Cloud, library: pathlib.Path, status: int, reason: str
) -> None:
    cloud.status = status
    async with operators(cloud, library) as maker:
        with pytest.raises(errors.RegistryError, match=f"it answers {status}") as caught:
            await make(maker)

    assert caught.value.reason == reason


async def test_a_token_that_the_registry_does_not_take_is_told_to_nobody(
    cloud: clouds.Cloud, library: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cloud.token = "ya29.unknown-to-it"
    async with operators(cloud, library) as maker:
        with pytest.raises(errors.Unauthorized, match="the Google identity") as caught:
            await make(maker)

    encoded = base64.b64encode(f"{google.USER}:{cloud.token}".encode()).decode()
    for secret in (cloud.token, encoded):
        assert secret not in f"{caught.value!r} {caplog.text}"


async def test_another_registry_that_a_job_names_gets_nothing_of_it(
    cloud: clouds.Cloud, library: pathlib.Path
) -> None:
    async with operators(cloud, library) as maker:
        with pytest.raises(errors.Unavailable):
            await make(maker, base="other.example/python:1")

    assert set(cloud.called) == {("other.example", 443)}
    assert cloud.asked == 0


def pod(cloud: clouds.Cloud, folder: pathlib.Path, order: orders.Order) -> places.Places:
    """Return the registries of a pod that was given an authority and no Secret."""
    files, scratch = folder / "files", folder / "scratch"
    for each in (files, scratch):
        each.mkdir(exist_ok=True)
    (files / "ca.crt").write_bytes(cloud.authority.read_bytes())
    none = folder / "none"
    mounts = places.Mounts(files=files, push=none, oci=none, scratch=scratch)
    return places.of(order, json.loads(json.dumps(SETTINGS)), mounts=mounts)


def fetch(
    cloud: clouds.Cloud, folder: pathlib.Path, oci: orders.Oci
) -> tuple[dict[str, bytes], str]:
    """Fetch an artifact as a build pod does."""
    found = pod(cloud, folder, facts.pod_order(oci=oci))
    limits: dict[str, Any] = {"limit": 1 << 20, "platform": "linux/amd64"}
    return artifacts.fetch(oci, found, folder=folder, ignore=(), **limits)
