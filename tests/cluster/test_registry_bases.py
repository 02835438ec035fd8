"""Bases of images: in other registries, of both families of media types, for several platforms."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tracemalloc
from typing import Any

import pytest

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images

pytestmark = servers.needs_registry


async def test_a_base_of_another_registry_is_copied_without_being_held(
    tmp_path: pathlib.Path, server: servers.Server
) -> None:
    size = 32 << 20
    large = images.image({"usr/lib/libtorch.so": os.urandom(size)})
    with servers.started(tmp_path / "bases") as elsewhere:
        base = rigs.push(elsewhere, large)
        async with rigs.opened(server, allowed=(elsewhere.url,)) as rig:
            tracemalloc.start()
            built = await rig.make(base)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()

    assert built.uploaded_bytes > size
    assert peak < size / 3, f"{peak >> 20} MiB"
    stored = rigs.read(server, built.ref, f"blobs/{large.layers[0]}").content
    assert f"sha256:{hashlib.sha256(stored).hexdigest()}" == large.layers[0]


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
@pytest.mark.parametrize("docker", [False, True], ids=["oci base", "docker base"])
async def test_layers_are_of_the_type_that_they_say(
    rig: rigs.Rig, server: servers.Server, docker: bool, compression: str
) -> None:
    base = rigs.push(server, images.image({"a": b"b"}, docker=docker))

    built = await rig.make(base, compression=compression)

    document: Any = rigs.manifest(server, built.ref)
    oci = "application/vnd.oci.image.layer.v1.tar"
    assert [each["mediaType"] for each in document["layers"]] == [
        f"{oci}+gzip",
        f"{oci}+{compression}",
        f"{oci}+{compression}",
    ]
    magic = {"zstd": b"\x28\xb5\x2f\xfd", "gzip": b"\x1f\x8b"}[compression]
    code = rigs.read(server, built.ref, f"blobs/{document['layers'][2]['digest']}").content
    assert code.startswith(magic)


@pytest.mark.parametrize("docker", [False, True], ids=["oci index", "docker list"])
async def test_of_an_index_the_image_for_our_platform_is_taken(
    rig: rigs.Rig, server: servers.Server, docker: bool
) -> None:
    ours = images.image({"a": b"amd64"}, docker=docker)
    other = images.image({"a": b"arm64"}, docker=docker, platform="linux/arm64")
    index = images.index({"linux/arm64": other, "linux/amd64": ours}, docker=docker)
    base = rigs.push(server, index)

    built = await rig.make(base)

    assert built.base_digest == index.digest
    assert rigs.layers_of(server, built.ref)[:1] == ours.layers
