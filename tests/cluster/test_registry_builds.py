"""Images by registry calls: what goes over the wire, and what does not. A real registry answers."""

from __future__ import annotations

import asyncio
import io
import pathlib
import tarfile
from typing import Any

import pytest
import zstandard

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import plan
from trainshed.registry import builder, errors

pytestmark = servers.needs_registry
BASE = images.image(
    {"usr/bin/python3": b"#!/bin/sh\n" * 4000},
    {"usr/lib/torch.py": b"# torch\n" * 4000},
    config={"Env": ["PATH=/usr/bin", "PYTHONPATH=/usr/lib"], "Cmd": ["bash"], "User": "0"},
)
OTHER_CODE = {"train.py": b"print('trained better')\n"}


@pytest.fixture
def base(server: servers.Server) -> str:
    """Return the reference of a base image in the registry."""
    return rigs.push(server, BASE)


def files_of(server: servers.Server, ref: str, layer: str) -> dict[str, bytes]:
    packed = rigs.read(server, ref, f"blobs/{layer}").raise_for_status().content
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        tar = io.BytesIO(reader.read())
    with tarfile.open(fileobj=tar) as opened:
        return {
            each.name: (opened.extractfile(each) or io.BytesIO()).read()
            for each in opened
            if each.isfile()
        }


async def test_an_image_is_the_base_with_the_library_and_the_code(
    rig: rigs.Rig, server: servers.Server, base: str
) -> None:
    built = await rig.make(base, {"train.py": b"x", "data/ünï.txt": b"y"})

    layers = rigs.layers_of(server, built.ref)
    assert layers[:2] == BASE.layers
    library, code = (files_of(server, built.ref, each) for each in layers[2:])
    assert set(library) == {
        "opt/trainshed/trainer/trainshed_trainer/__init__.py",
        "opt/trainshed/trainer/trainshed_trainer/launch.py",
    }
    assert code == {"app/train.py": b"x", "app/data/ünï.txt": b"y"}
    document: Any = rigs.manifest(server, built.ref)
    assert document["annotations"] == {
        "org.opencontainers.image.base.name": f"{server.address}/bases/python",
        "org.opencontainers.image.base.digest": BASE.digest,
        "dev.trainshed.build.key": built.key.removeprefix("b-"),
    }
    config = rigs.read(server, built.ref, f"blobs/{document['config']['digest']}").json()
    assert config["config"] == {
        "Env": ["PATH=/usr/bin", "PYTHONPATH=/opt/trainshed/trainer:/app:/usr/lib"],
        "User": "1000:1000",
        "WorkingDir": "/app",
    }


async def test_the_bases_blobs_are_mounted_and_not_a_byte_of_them_is_sent(
    rig: rigs.Rig, server: servers.Server, base: str
) -> None:
    built = await rig.make(base)

    assert not built.cache_hit
    mounts = [each for each in rig.wire.of("POST", "uploads/") if "mount" in each.url.params]
    assert [each.status for each in mounts] == [201, 201]
    assert {each.url.params["mount"] for each in mounts} == set(BASE.layers)
    document: Any = rigs.manifest(server, built.ref)
    put = {each.url.params["digest"] for each in rig.wire.of("PUT", "/blobs/")}
    assert put == {*rigs.layers_of(server, built.ref)[2:], document["config"]["digest"]}
    assert built.uploaded_bytes == rig.wire.uploaded()


async def test_an_unchanged_image_costs_one_request(rig: rigs.Rig, base: str) -> None:
    built = await rig.make(base)
    assert (set(built.phases), built.hits) == ({"pack", "push"}, ())

    rig.later(builder.Times().found + 1)
    again = await rig.make(base)

    assert [str(each) for each in rig.wire.seen] == [
        f"HEAD /v2/trainshed/ns/team-a/manifests/{built.key}"
    ]
    assert (again.ref, again.cache_hit, again.uploaded_bytes) == (built.ref, True, 0)


async def test_a_base_by_digest_is_never_asked_for_again(rig: rigs.Rig, base: str) -> None:
    pinned = f"{base.rpartition(':')[0]}@{BASE.digest}"
    await rig.make(pinned)

    rig.later(builder.Times().base * 100)
    await rig.make(pinned)

    assert [each.method for each in rig.wire.seen] == ["HEAD"]


async def test_an_image_that_was_found_a_moment_ago_costs_nothing(rig: rigs.Rig, base: str) -> None:
    built = await rig.make(base)

    again = await rig.make(base)

    assert rig.wire.seen == []
    assert (again.ref, again.cache_hit) == (built.ref, True)


async def test_another_operator_finds_the_image(server: servers.Server, base: str) -> None:
    async with rigs.opened(server) as first, rigs.opened(server) as second:
        built = await first.make(base)
        found = await second.make(base)

    assert (found.ref, found.cache_hit) == (built.ref, True)
    assert second.wire.of("PUT") == []


async def test_changed_code_uploads_only_the_code(
    rig: rigs.Rig, server: servers.Server, base: str
) -> None:
    await rig.make(base)

    built = await rig.make(base, OTHER_CODE)

    document: Any = rigs.manifest(server, built.ref)
    put = {each.url.params["digest"] for each in rig.wire.of("PUT", "/blobs/")}
    assert put == {rigs.layers_of(server, built.ref)[-1], document["config"]["digest"]}
    assert not [each for each in rig.wire.of("POST") if "mount" in each.url.params]
    assert built.uploaded_bytes < 4096


async def test_each_namespace_has_a_repository_of_its_own(rig: rigs.Rig, base: str) -> None:
    first = await rig.make(base, namespace="team-a")
    second = await rig.make(base, namespace="team-b")

    assert first.ref.partition("@")[0].endswith("/trainshed/ns/team-a")
    assert second.ref.partition("@")[0].endswith("/trainshed/ns/team-b")
    assert not second.cache_hit


async def test_a_moved_tag_is_another_image(
    rig: rigs.Rig, server: servers.Server, base: str
) -> None:
    built = await rig.make(base)
    moved = images.image({"usr/bin/python3": b"a newer one"})
    rigs.push(server, moved)

    rig.later(builder.Times().base + 1)
    again = await rig.make(base)

    assert again.key != built.key
    assert again.base_digest == moved.digest


async def test_a_hundred_equal_builds_at_once_push_one_manifest(rig: rigs.Rig, base: str) -> None:
    rig.wire.clear()
    order = plan.BuildOrder(base=base, entrypoint=rigs.ENTRYPOINT)

    built = await asyncio.gather(
        *(rig.builder.make("team-a", order, rigs.CODE) for _ in range(100))
    )

    assert len({each.ref for each in built}) == 1
    assert [each.cache_hit for each in built].count(False) == 1
    assert len(rig.wire.of("PUT", "/manifests/")) == 1
    assert len(rig.wire.of("HEAD", "/trainshed/ns/team-a/manifests/")) == 1
    assert sum(each.uploaded_bytes for each in built) == rig.wire.uploaded()


async def test_two_operators_at_once_make_the_same_image(server: servers.Server, base: str) -> None:
    async with rigs.opened(server) as first, rigs.opened(server) as second:
        built, other = await asyncio.gather(first.make(base), second.make(base))

    assert built.ref == other.ref
    assert rigs.layers_of(server, built.ref)[:2] == BASE.layers


async def test_a_build_that_is_cut_off_leaves_no_tag_and_is_made_whole_later(
    server: servers.Server, base: str
) -> None:
    uploading = asyncio.Event()
    async with rigs.opened(server) as rig:
        rig.wire.watch = lambda seen: uploading.set() if seen.method == "PUT" else None
        cut = asyncio.create_task(rig.make(base))
        await uploading.wait()
        cut.cancel()
        await rig.builder.close()
        await asyncio.gather(cut, return_exceptions=True)
        assert rig.wire.of("PUT", "/manifests/") == []

    async with rigs.opened(server) as rig:
        built = await rig.make(base)

    assert not built.cache_hit
    assert all(server.holds(each) for each in rigs.layers_of(server, built.ref))


async def test_a_blob_that_is_gone_is_sent_again_whatever_a_head_says(
    tmp_path: pathlib.Path,
) -> None:
    wanted = servers.Wanted(remembers_blobs=True)
    with servers.started(tmp_path / "registry", wanted) as server:
        base = rigs.push(server, BASE)
        async with rigs.opened(server) as rig:
            built = await rig.make(base)
            library = rigs.layers_of(server, built.ref)[2]
            server.lose(library)
            claimed = server.head(f"trainshed/ns/team-a/blobs/{library}")
            assert claimed == 200, "the registry should lie here"

            await rig.make(base, OTHER_CODE)

        assert server.holds(library)
        assert library in {each.url.params["digest"] for each in rig.wire.of("PUT", "/blobs/")}


async def test_a_bases_blob_that_is_gone_is_copied_again_from_where_the_base_is(
    tmp_path: pathlib.Path,
) -> None:
    wanted = servers.Wanted(remembers_blobs=True)
    with (
        servers.started(tmp_path / "registry", wanted) as server,
        servers.started(tmp_path / "bases") as elsewhere,
    ):
        base = rigs.push(elsewhere, BASE)
        async with rigs.opened(server, allowed=(elsewhere.url,)) as rig:
            await rig.make(base)
            server.lose(BASE.layers[0])

            await rig.make(base, OTHER_CODE)

        assert server.holds(BASE.layers[0])


@pytest.mark.parametrize("remembers", [False, True], ids=["honest", "remembers blobs"])
async def test_a_base_that_has_lost_a_layer_says_so(
    tmp_path: pathlib.Path, remembers: bool
) -> None:
    wanted = servers.Wanted(remembers_blobs=remembers)
    with servers.started(tmp_path / "registry", wanted) as server:
        base = rigs.push(server, BASE)
        server.lose(BASE.layers[1])
        async with rigs.opened(server) as rig:
            with pytest.raises(errors.BaseNotFound, match="push the image anew"):
                await rig.make(base)

    assert rig.wire.of("PUT", "/manifests/") == []


async def test_a_base_by_the_nodes_name_of_the_registry_is_asked_for_by_the_operators(
    server: servers.Server, base: str
) -> None:
    async with rigs.opened(server, pull="registry.nodes:5000") as rig:
        built = await rig.make(base.replace(server.address, "registry.nodes:5000"))

    assert built.ref.startswith("registry.nodes:5000/trainshed/ns/team-a@sha256:")
    assert {each.url.netloc.decode() for each in rig.wire.seen} == {server.address}
