"""Code in artifacts: read by digest once its name is resolved, or refused with the reason."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from typing import Any

import httpx
import pytest

from tests import facts
from tests.unit.buildpod import archives
from tests.unit.registry import faulty, images
from trainshed.buildpod import artifacts, failing, unpacking
from trainshed.builds import artifacts as contents
from trainshed.builds import orders
from trainshed.registry import references

LAYER = "application/vnd.oci.image.layer.v1.tar"
TITLE = "org.opencontainers.image.title"
NAME = "team/code"


def put(registry: faulty.Registry, *blobs: tuple[bytes, str, str], tag: str = "1") -> str:
    """Push an artifact of blobs, each with its type and its title; return its digest."""
    layers = []
    for data, media_type, title in blobs:
        registry.blobs[NAME, images.digest(data)] = data
        marks = {"annotations": {TITLE: title}} if title else {}
        layers.append({**images.descriptor(data, media_type), **marks})
    manifest = json.dumps({"schemaVersion": 2, "layers": layers}).encode()
    digest = images.digest(manifest)
    registry.manifests |= {f"{NAME}:{tag}": manifest, f"{NAME}:{digest}": manifest}
    return digest


async def read(
    registry: faulty.Registry, folder: pathlib.Path, *, version: str = ":1", limit: int = 1 << 20
) -> tuple[dict[str, bytes], str]:
    tree = unpacking.Tree(ignore=(), limit=limit)
    digest = await artifacts.read(
        faulty.Rig(registry).client,
        references.parse(f"{faulty.HOST}/{NAME}{version}"),
        functools.partial(contents.chosen, platform="linux/amd64"),
        tree=tree,
        folder=folder,
        limit=limit,
    )
    return tree.files(), digest


async def test_archives_and_files_lie_over_one_another(tmp_path: pathlib.Path) -> None:
    registry = faulty.Registry()
    packed = archives.compressed(archives.tar({"train.py": b"1", "lib/a.py": b"2"}), "gzip")
    digest = put(registry, (packed, f"{LAYER}+gzip", ""), (b"3", LAYER, "train.py"))

    assert await read(registry, tmp_path) == ({"train.py": b"3", "lib/a.py": b"2"}, digest)
    assert os.listdir(tmp_path) == []


async def test_a_tag_that_moves_in_the_middle_is_read_as_it_was(tmp_path: pathlib.Path) -> None:
    registry = faulty.Registry()
    packed = archives.tar({"train.py": b"old"})
    old = put(registry, (packed, LAYER, ""))

    def moves(request: httpx.Request) -> None:
        if "/blobs/" in request.url.path:
            put(registry, (b"new", LAYER, "train.py"))

    registry.fault = moves
    assert await read(registry, tmp_path) == ({"train.py": b"old"}, old)


async def test_a_digest_means_one_artifact(tmp_path: pathlib.Path) -> None:
    registry = faulty.Registry()
    digest = put(registry, (b"1", LAYER, "train.py"))
    assert (await read(registry, tmp_path, version=f"@{digest}"))[1] == digest


async def test_an_index_is_followed_to_its_manifest(tmp_path: pathlib.Path) -> None:
    registry = faulty.Registry()
    digest = put(registry, (b"1", LAYER, "train.py"))
    index = json.dumps({"manifests": [{"digest": digest}]}).encode()
    registry.manifests[f"{NAME}:1"] = index

    assert await read(registry, tmp_path) == ({"train.py": b"1"}, images.digest(index))


async def test_other_bytes_than_the_digests_are_never_unpacked(tmp_path: pathlib.Path) -> None:
    for other in (b"evil", b"evil, and longer than it should be"):
        registry = faulty.Registry()
        put(registry, (b"good", LAYER, "train.py"))
        registry.blobs[NAME, images.digest(b"good")] = other
        with pytest.raises(Exception, match="gives other bytes than those of sha256:"):
            await read(registry, tmp_path)


async def test_a_layer_that_breaks_off_is_fetched_again(tmp_path: pathlib.Path) -> None:
    registry = faulty.Registry()
    put(registry, (b"good", LAYER, "train.py"))
    broken = [httpx.ReadError("broke off")]
    registry.fault = lambda request: (
        broken.pop() if "/blobs/" in request.url.path and broken else None
    )
    assert (await read(registry, tmp_path))[0] == {"train.py": b"good"}


ANSWERS: dict[str, tuple[Any, str, bool]] = {
    "nothing there": (httpx.Response(404), "SourceNotFound", True),
    "a login is wanted": (
        httpx.Response(401, headers={"WWW-Authenticate": "Basic"}),
        "SourceUnauthorized",
        True,
    ),
    "the login may not": (httpx.Response(403), "SourceUnauthorized", True),
    "it is down": (httpx.ConnectError("refused"), "SourceUnreachable", False),
    "it breaks": (httpx.Response(502), "SourceUnreachable", False),
    "it talks nonsense": (httpx.Response(200, content=b"<html>"), "SourceUnreadable", False),
    "it is no artifact": (httpx.Response(200, content=b"{}"), "SourceInvalid", True),
}


@pytest.mark.parametrize(("answer", "reason", "terminal"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_each_refusal_has_its_reason(
    tmp_path: pathlib.Path, answer: Any, reason: str, terminal: bool
) -> None:
    registry = faulty.Registry(fault=lambda request: answer)
    oci = orders.Oci(f"{faulty.HOST}/{NAME}:1", "")

    with pytest.raises(failing.BuildFailed) as caught, artifacts.told(oci):
        await read(registry, tmp_path)

    assert (caught.value.reason, caught.value.terminal) == (reason, terminal)


def test_a_registry_that_the_pod_may_not_call_is_not_called(tmp_path: pathlib.Path) -> None:
    oci = orders.Oci("elsewhere.example/code:1", "")
    with pytest.raises(failing.BuildFailed) as caught:
        artifacts.fetch(
            oci,
            facts.places(),
            folder=tmp_path,
            ignore=(),
            limit=1,
            platform="linux/amd64",
        )
    assert caught.value.reason == "SourceNotAllowed"
