"""Code in artifacts, bases elsewhere and images that go elsewhere: real registries answer."""

from __future__ import annotations

import asyncio
import base64
import json
import pathlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest

from hack.cluster import registries
from tests import facts
from tests import granting_rig as grants
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.buildpod import archives
from tests.unit.registry import images
from trainshed.buildpod import artifacts, failing, places, unpacking
from trainshed.builds import orders
from trainshed.core import plan
from trainshed.registry import errors, opening, pulling, references, targets

pytestmark = servers.needs_registry
PASSWORD = "hunter2-secret"
PACKED = archives.tar({"./data/b.txt": b"b" * 5000, "c.py": "lib/a.py"})
CODE = images.artifact(
    {"train.py": b"print(1)\n", "./lib/a.py": b"A = 1\n"},
    (archives.compressed(PACKED, "zstd"), f"{images.OCI}.layer.v1.tar+zstd"),
)
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n" * 400})


def fetch(
    ref: str, folder: pathlib.Path, *, ca_file: str = "", login: Mapping[str, Any] | None = None
) -> tuple[dict[str, bytes], str]:
    """Fetch an artifact as a build pod does, that was given a CA and a Secret."""
    config = folder / "config.json"
    config.write_text(json.dumps({"auths": login or {}}))
    host = ref.partition("/")[0]
    allowed = host if ca_file else f"http://{host}"
    found = facts.places(allowed=(allowed,))
    registries = places.Places(target=found.target, ca_file=ca_file, oci_file=str(config))
    return artifacts.fetch(
        orders.Oci(ref, "pull"),
        registries,
        folder=folder,
        ignore=("*.md",),
        limit=1 << 20,
        platform="linux/amd64",
    )


def test_files_and_tars_of_an_artifact_come_out(
    server: servers.Server, tmp_path: pathlib.Path
) -> None:
    ref = rigs.push(server, CODE, repository="team/code")

    files, digest = fetch(ref, tmp_path)

    assert digest == CODE.digest
    assert files == {
        "train.py": b"print(1)\n",
        "lib/a.py": b"A = 1\n",
        "data/b.txt": b"b" * 5000,
        "c.py": b"lib/a.py",
    }
    assert fetch(f"{ref.rpartition(':')[0]}@{digest}", tmp_path) == (files, digest)


def test_an_image_of_nothing_but_code_will_do_and_an_index_of_it(
    server: servers.Server, tmp_path: pathlib.Path
) -> None:
    image = images.image({"train.py": b"1"}, {"train.py": b"2"})
    other = images.image({"train.py": b"arm"}, platform="linux/arm64")
    index = images.index({"linux/arm64": other, "linux/amd64": image})

    for each in (image, index):
        ref = rigs.push(server, each, repository="team/image")
        assert fetch(ref, tmp_path) == ({"train.py": b"2"}, each.digest)


def test_a_private_registry_is_opened_by_the_pull_secret(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls = servers.private_tls(tmp_path / "tls")
    context = httpx.create_ssl_context(trust_env=False)
    context.load_verify_locations(cafile=str(tls.authority))
    known = registries.Credentials("ann", PASSWORD)
    with servers.started(tmp_path / "r", servers.Wanted(credentials=known, tls=tls)) as server:
        ref = rigs.push(server, CODE, auth=("ann", PASSWORD), verify=context)
        login = {server.address: {"username": "ann", "password": PASSWORD}}
        trusted = str(tls.authority)
        assert fetch(ref, tmp_path, ca_file=trusted, login=login)[1] == CODE.digest
        wrong = {server.address: {"username": "ann", "password": "wrong-secret"}}
        refused = {}
        for name, how in {
            "none": {"ca_file": trusted},
            "wrong": {"ca_file": trusted, "login": wrong},
            "untrusted": {"ca_file": str(_another(tmp_path)), "login": login},
        }.items():
            with pytest.raises(failing.BuildFailed) as caught:
                fetch(ref, tmp_path, **how)  # type: ignore[arg-type]
            refused[name] = caught.value

    assert {name: each.reason for name, each in refused.items()} == {
        "none": "SourceUnauthorized",
        "wrong": "SourceUnauthorized",
        "untrusted": "SourceCertificateUnknown",
    }
    assert "oci.pullSecret" in str(refused["none"])
    encoded = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, "wrong-secret", encoded):
        assert secret not in caplog.text
        assert not [each for each in refused.values() if secret in str(each)]


def _another(folder: pathlib.Path) -> pathlib.Path:
    return servers.private_tls(folder / "another").authority


@pytest.mark.parametrize(
    ("image", "reason", "said"),
    [
        (images.artifact({}, (b"{}", "application/json")), "SourceInvalid", "neither a tar nor"),
        (images.artifact({"../x": b"1"}), "SourceInvalid", "'../x' is no plain relative path"),
        (images.artifact({"big": bytes((1 << 20) + 1)}), "SourceTooLarge", "'big' (1048577 bytes)"),
        (images.artifact({"huge": bytes(5 << 20)}), "SourceTooLarge", "may be fetched"),
        (images.image({"a": b"1"}, {".wh.a": b""}), "SourceInvalid", "deletes a file"),
    ],
    ids=["no tar", "a way out", "too large", "not even fetched", "a whiteout"],
)
def test_what_may_not_be_packed_is_refused(
    server: servers.Server, tmp_path: pathlib.Path, image: images.Image, reason: str, said: str
) -> None:
    ref = rigs.push(server, image, repository="team/bad")
    with pytest.raises(failing.BuildFailed) as caught:
        fetch(ref, tmp_path)
    assert caught.value.reason == reason
    assert said in str(caught.value)


def test_an_artifact_that_is_not_there(server: servers.Server, tmp_path: pathlib.Path) -> None:
    with pytest.raises(failing.BuildFailed, match="there is no artifact") as caught:
        fetch(f"{server.address}/team/absent:1", tmp_path)
    assert caught.value.reason == "SourceNotFound"


@pytest.fixture
async def pod(server: servers.Server, tmp_path: pathlib.Path) -> AsyncIterator[Any]:
    """Return what makes an image as a build pod does, and a registry that is elsewhere."""
    known = registries.Credentials("ann", PASSWORD)
    with servers.started(tmp_path / "elsewhere", servers.Wanted(credentials=known)) as elsewhere:
        config, library = tmp_path / "config.json", tmp_path / "library"
        (library / "trainshed_trainer").mkdir(parents=True)
        (library / "trainshed_trainer/__init__.py").write_text("")
        login = {elsewhere.address: {"username": "ann", "password": PASSWORD}}
        config.write_text(json.dumps({"auths": login}))

        async def make(*, may: bool = True, **order: Any) -> Any:
            target = targets.Target(
                push=server.url,
                pull=server.address,
                prefix="trainshed",
                allowed=frozenset({f"http://{elsewhere.address}"} if may else ()),
            )
            async with opening.open_builder(
                target=target,
                ca_file="",
                credentials_file=str(config),
                library=library,
                clock=time.monotonic,
                whose=places.PUSHER,
            ) as maker:
                wanted = plan.BuildOrder(**{"entrypoint": ("x",), **order})
                return await maker.make("team-a", wanted, {"train.py": b"1"})

        yield make, elsewhere


async def test_a_base_elsewhere_is_copied_by_the_jobs_own_login(
    pod: Any, server: servers.Server
) -> None:
    make, elsewhere = pod
    base = await asyncio.to_thread(rigs.push, elsewhere, BASE, auth=("ann", PASSWORD))
    with pytest.raises(errors.NotAllowed):
        await make(may=False, base=base)

    built = await make(base=base)

    assert built.ref.startswith(f"{server.address}/trainshed/ns/team-a@")
    assert built.base_digest == BASE.digest
    assert server.holds(BASE.layers[0])


async def test_an_image_goes_to_the_repository_that_is_named(
    pod: Any, server: servers.Server
) -> None:
    make, elsewhere = pod
    base = await asyncio.to_thread(rigs.push, server, BASE)
    wanted = f"{elsewhere.address}/team/images"

    built = await make(base=base, repository=wanted)
    again = await make(base=base, repository=wanted)

    assert built.ref.startswith(f"{wanted}@sha256:")
    assert (again.ref, again.cache_hit, again.uploaded_bytes) == (built.ref, True, 0)
    assert elsewhere.holds(built.ref.partition("@")[2])


async def test_a_base_of_another_architecture_is_told(pod: Any, server: servers.Server) -> None:
    make, _ = pod
    arm = images.image({"usr/bin/python3": b"#!"}, platform="linux/arm64")
    base = await asyncio.to_thread(rigs.push, server, arm)
    with pytest.raises(errors.BaseUnsupported, match="is for linux/arm64, not for linux/amd64"):
        await make(base=base)


async def test_an_artifact_in_the_bundled_registry_is_read_by_the_pods_own_token(
    tmp_path: pathlib.Path,
) -> None:
    async with grants.Rig().serving() as grant, grant.exchanger() as exchanger:
        with servers.started(tmp_path / "r", grant.wanted(tmp_path / "keys")) as server:
            token = await grant.operator(["repository:trainshed/ns/team-a/code:pull,push"])
            own = await asyncio.to_thread(
                rigs.push, server, CODE, repository="trainshed/ns/team-a/code", auth=_Bearer(token)
            )
            target = facts.places(push=server.url).target
            tree = unpacking.Tree(ignore=(), limit=1 << 20)
            async with pulling.open_client(
                server.address,
                target=target,
                ca_file="",
                logins={},
                whose=places.PUSHER,
                issue=exchanger.issue,
            ) as client:
                digest = await artifacts.read(
                    client,
                    references.parse(own),
                    lambda index: "",
                    tree=tree,
                    folder=tmp_path,
                    limit=1 << 20,
                )
    assert digest == CODE.digest
    assert tree.files()["train.py"] == b"print(1)\n"


class _Bearer(httpx.Auth):
    """Gives every request a token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


async def test_a_base_whose_tag_moves_in_the_middle_is_the_one_that_was_looked_up(
    rig: rigs.Rig, server: servers.Server
) -> None:
    base = await asyncio.to_thread(rigs.push, server, BASE)
    other = images.image({"usr/bin/python3": b"#!/bin/other\n"})
    moved: list[str] = []

    def moves(seen: servers.Seen) -> None:
        if "/manifests/sha256:" in seen.url.path and not moved:
            moved.append(rigs.push(server, other))

    rig.wire.watch = moves
    built = await rig.make(base)

    assert moved == [base]
    assert built.base_digest == BASE.digest
    listed: Any = rigs.manifest(server, built.ref)["layers"]
    assert [each["digest"] for each in listed][: len(BASE.layers)] == BASE.layers
