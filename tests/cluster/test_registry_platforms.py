"""An image for several platforms: one index, made on one machine, judged by crane and skopeo."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tests.cluster import referees
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import observed, plan
from trainshed.registry import builder, errors

pytestmark = servers.needs_registry
BOTH = ("linux/amd64", "linux/arm64")
SHARED = {"etc/os-release": b"ID=test\n"}
AMD64 = images.image(SHARED, {"usr/bin/python3": b"\x7fELF amd64"})
ARM64 = images.image(SHARED, {"usr/bin/python3": b"\x7fELF arm64"}, platform="linux/arm64")
BASE = images.index({"linux/amd64": AMD64, "linux/arm64": ARM64})


async def make(
    rig: rigs.Rig, base: str, *platforms: str, compression: str = "zstd"
) -> observed.BuiltImage:
    order = plan.BuildOrder(
        base=base,
        entrypoint=rigs.ENTRYPOINT,
        platforms=platforms or BOTH,
        compression=compression,
    )
    rig.wire.clear()
    return await rig.builder.make("team-a", order, rigs.CODE)


def manifests_of(ref: str) -> dict[str, dict[str, Any]]:
    """Return the manifest of each platform, as crane reads them."""
    listed = referees.document("manifest", ref)["manifests"]
    name = ref.partition("@")[0]
    return {
        f"{each['platform']['os']}/{each['platform']['architecture']}": referees.document(
            "manifest", f"{name}@{each['digest']}"
        )
        for each in listed
    }


@pytest.mark.parametrize("docker", [False, True], ids=["oci base", "docker base"])
@pytest.mark.parametrize("compression", ["zstd", "gzip"])
async def test_an_index_has_an_image_of_each_platform(
    rig: rigs.Rig,
    server: servers.Server,
    tmp_path: pathlib.Path,
    compression: str,
    docker: bool,
) -> None:
    amd, arm = (
        images.image(SHARED, {"bin/p": each.encode()}, docker=docker, platform=each)
        for each in BOTH
    )
    base = rigs.push(server, images.index(dict(zip(BOTH, (amd, arm), strict=True)), docker=docker))

    built = await make(rig, base, compression=compression)

    referees.judge(built.ref, tmp_path / "judged", compression=compression)
    found = manifests_of(built.ref)
    assert set(found) == set(BOTH)
    for platform, below in zip(BOTH, (amd, arm), strict=True):
        layers = [each["digest"] for each in found[platform]["layers"]]
        assert layers[:2] == below.layers
        config = referees.document("config", "--platform", platform, built.ref)
        assert (config["os"], config["architecture"]) == tuple(platform.split("/"))
        assert config["config"]["WorkingDir"] == "/app"
    library_and_code = [each["layers"][2:] for each in found.values()]
    assert library_and_code[0] == library_and_code[1]


async def test_a_base_of_an_index_says_which_one_in_the_index_itself(
    rig: rigs.Rig, server: servers.Server
) -> None:
    built = await make(rig, rigs.push(server, BASE))

    index = referees.document("manifest", built.ref)
    assert index["annotations"] == {
        "org.opencontainers.image.base.name": f"{server.address}/bases/python",
        "org.opencontainers.image.base.digest": BASE.digest,
        "dev.trainshed.build.key": built.key.removeprefix("b-"),
    }


async def test_what_platforms_share_is_sent_once(rig: rigs.Rig, server: servers.Server) -> None:
    built = await make(rig, rigs.push(server, BASE))

    put = [each.url.params["digest"] for each in rig.wire.of("PUT", "/blobs/")]
    assert len(put) == len(set(put)) == 4  # library, code, two configs
    mounted = [each.url.params.get("mount") for each in rig.wire.of("POST", "uploads/")]
    assert sorted(filter(None, mounted)) == sorted({*AMD64.layers, *ARM64.layers})
    assert built.uploaded_bytes == rig.wire.uploaded()


async def test_the_index_comes_last_and_alone_has_the_tag(
    rig: rigs.Rig, server: servers.Server
) -> None:
    built = await make(rig, rigs.push(server, BASE))

    *images_, index = (each.url.path.rpartition("/")[2] for each in rig.wire.of("PUT", "/manifest"))
    assert index == built.key
    assert all(each.startswith("sha256:") for each in images_)
    assert len(images_) == 2


async def test_an_unchanged_index_costs_one_request(rig: rigs.Rig, server: servers.Server) -> None:
    base = rigs.push(server, BASE)
    built = await make(rig, base)
    rig.later(builder.Times().found + 1)

    again = await make(rig, base)

    assert [each.method for each in rig.wire.seen] == ["HEAD"]
    assert (again.ref, again.cache_hit) == (built.ref, True)


async def test_one_platform_of_an_index_is_a_plain_image(
    rig: rigs.Rig, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    built = await make(rig, rigs.push(server, BASE), "linux/arm64")

    assert "manifests" not in referees.document("manifest", built.ref)
    referees.judge(built.ref, tmp_path / "judged")
    assert referees.document("config", built.ref)["architecture"] == "arm64"


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (images.index({"linux/amd64": AMD64}), "has no linux/arm64, only linux/amd64"),
        (AMD64, "is for linux/amd64, not for linux/arm64"),
    ],
    ids=["an index without it", "no index at all"],
)
async def test_a_base_that_lacks_a_platform_is_refused_before_anything_is_sent(
    rig: rigs.Rig, server: servers.Server, base: images.Image, said: str
) -> None:
    with pytest.raises(errors.BaseUnsupported, match=said):
        await make(rig, rigs.push(server, base))

    assert not rig.wire.of("POST")
    assert not rig.wire.of("PUT")


async def test_an_index_is_found_again_by_the_order_that_it_was_built_for(
    rig: rigs.Rig, server: servers.Server
) -> None:
    built = await make(rig, rigs.push(server, BASE))
    client = rig.builder._hosts.own()

    await client.retag("trainshed/ns/team-a", built.ref.partition("@")[2], "o-again")

    name = built.ref.partition("@")[0]
    assert referees.crane("digest", f"{name}:o-again") == built.ref.partition("@")[2]
