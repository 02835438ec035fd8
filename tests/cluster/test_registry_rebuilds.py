"""Images that a registry has lost in part, made whole again. Real registries, with real losses."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import observed
from trainshed.registry import errors

pytestmark = servers.needs_registry
BASE = images.image(
    {"usr/bin/python3": b"#!/bin/sh\n" * 4000}, {"usr/lib/torch.py": b"# torch\n" * 4000}
)


@pytest.fixture
def forgetful(tmp_path: pathlib.Path) -> Iterator[servers.Server]:
    """Run a registry that believes to have what its garbage collection took: distribution#3743."""
    wanted = servers.Wanted(remembers_blobs=True)
    with servers.started(tmp_path / "forgetful", wanted) as found:
        yield found


def pulled(server: servers.Server, built: observed.BuiltImage) -> None:
    """Read an image whole, as a node does; every byte must be what its name says."""
    document: Any = rigs.manifest(server, built.ref)
    for each in (document["config"], *document["layers"]):
        content = rigs.read(server, built.ref, f"blobs/{each['digest']}").raise_for_status().content
        assert images.digest(content) == each["digest"]


def blobs(server: servers.Server, built: observed.BuiltImage) -> list[str]:
    """Return the config and the layers of an image, the code's last."""
    document: Any = rigs.manifest(server, built.ref)
    return [each["digest"] for each in (document["config"], *document["layers"])]


def untag(server: servers.Server, built: observed.BuiltImage) -> None:
    """Delete the manifest of an image, and with it all its tags."""
    path, digest = built.ref.partition("/")[2].split("@")
    httpx.delete(f"{server.url}/v2/{path}/manifests/{digest}").raise_for_status()


async def made(rig: rigs.Rig, server: servers.Server) -> tuple[str, observed.BuiltImage]:
    """Return a base by digest, and an image on it."""
    base = f"{rigs.push(server, BASE).rpartition(':')[0]}@{BASE.digest}"
    return base, await rig.make(base)


async def test_no_blob_is_believed_to_be_there_by_a_registry_that_remembers_it(
    forgetful: servers.Server,
) -> None:
    async with rigs.opened(forgetful) as rig:
        base, built = await made(rig, forgetful)
        for each in blobs(forgetful, built):
            if each not in BASE.layers:
                forgetful.lose(each)
        with pytest.raises((httpx.HTTPError, AssertionError)):
            pulled(forgetful, built)
        # What a job without a rebuild gets: the tag is there, so all seems to be well.
        rig.later(60)
        assert (await rig.make(base)).cache_hit

        healed = await rig.make(base, forced=True)

        assert healed.ref == built.ref
        assert not healed.cache_hit
        pulled(forgetful, healed)


async def test_a_blob_whose_bytes_have_changed_is_told_where_the_registry_takes_no_others(
    rig: rigs.Rig, server: servers.Server
) -> None:
    base, built = await made(rig, server)
    library = blobs(server, built)[-2]
    path = server.path(library)
    # As long as it was, and its first byte too: who looks at one byte sees nothing.
    path.write_bytes(path.read_bytes()[:-1] + b"\0")

    # The stock registry keeps what it has under a name, whatever is sent.
    with pytest.raises(errors.Rejected, match=f"other bytes under {library}"):
        await rig.make(base, forced=True)
    server.lose(library)
    assert (await rig.make(base, forced=True)).ref == built.ref
    pulled(server, built)


async def test_a_manifest_that_is_gone_is_put_again(rig: rigs.Rig, server: servers.Server) -> None:
    base, built = await made(rig, server)
    digest = built.ref.partition("@")[2]
    untag(server, built)
    assert rigs.read(server, built.ref, f"manifests/{digest}").status_code == 404
    # A moment ago it was there: a build that is not forced answers from memory.
    assert (await rig.make(base)).ref == built.ref
    assert rigs.read(server, built.ref, f"manifests/{digest}").status_code == 404

    healed = await rig.make(base, forced=True)

    assert healed.ref == built.ref
    assert rigs.read(server, built.ref, f"manifests/{built.key}").status_code == 200
    pulled(server, healed)


async def test_rebuilds_of_one_image_at_once_are_one(rig: rigs.Rig, server: servers.Server) -> None:
    base, built = await made(rig, server)
    server.lose(blobs(server, built)[-1])

    healed = await asyncio.gather(*(rig.make(base, forced=True) for _ in range(20)))

    assert {each.ref for each in healed} == {built.ref}
    assert sum(not each.cache_hit for each in healed) == 1
    pulled(server, built)


async def test_a_base_that_has_lost_a_layer_can_be_built_on_no_more(
    rig: rigs.Rig, server: servers.Server
) -> None:
    base, built = await made(rig, server)
    server.lose(BASE.layers[0])

    with pytest.raises(errors.BaseNotFound, match="push the image anew"):
        await rig.make(base, forced=True)
    assert built
