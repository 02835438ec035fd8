"""The list of an image's contents, kept beside it: oras finds it in a registry of the old kind."""

from __future__ import annotations

import json
import pathlib

from tests.cluster import referees
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.builds import bom, provenance
from trainshed.core import observed, plan
from trainshed.registry import referrers

pytestmark = servers.needs_registry
AMD64 = images.image({"usr/bin/python3": b"#!/bin/sh\n"})
ARM64 = images.image({"usr/bin/python3": b"#!/bin/sh arm\n"}, platform="linux/arm64")
BOTH = ("linux/amd64", "linux/arm64")
MARKS = provenance.of_git("https://git.example/team/train.git", "e" * 40)


async def make(
    rig: rigs.Rig, base: str, *, platforms: tuple[str, ...] = BOTH[:1], marks: bool = False
) -> observed.BuiltImage:
    """Make an image, and all that comes after it."""
    order = plan.BuildOrder(
        base=base,
        entrypoint=rigs.ENTRYPOINT,
        platforms=platforms,
        marks=MARKS if marks else {},
    )
    rig.wire.clear()
    made = await rig.builder.make("team-a", order, rigs.CODE)
    await rig.builder.finish(within=30.0)
    return made


async def test_oras_finds_the_list_and_it_is_about_this_image(
    rig: rigs.Rig, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    built = await make(rig, rigs.push(server, AMD64), marks=True)

    (found,) = referees.referrers(built.ref)
    assert found["artifactType"] == bom.MEDIA_TYPE
    document = referees.attached(built.ref, found["digest"], tmp_path)
    assert document["metadata"]["component"]["version"] == built.ref.partition("@")[2]
    assert {each["bom-ref"]: each["version"] for each in document["components"]} == {
        "base": AMD64.digest,
        "library": document["components"][1]["version"],
        "source": "e" * 40,
    }


async def test_a_list_of_an_index_is_about_the_index(rig: rigs.Rig, server: servers.Server) -> None:
    base = rigs.push(server, images.index(dict(zip(BOTH, (AMD64, ARM64), strict=True))))

    built = await make(rig, base, platforms=BOTH)

    (found,) = referees.referrers(built.ref)
    name = built.ref.partition("@")[0]
    about = referees.document("manifest", f"{name}@{found['digest']}")["subject"]
    assert about["digest"] == built.ref.partition("@")[2]
    assert about["mediaType"].endswith("image.index.v1+json")


async def test_an_image_is_there_before_its_list_and_does_not_wait_for_it(
    rig: rigs.Rig, server: servers.Server
) -> None:
    order = plan.BuildOrder(base=rigs.push(server, AMD64), entrypoint=rigs.ENTRYPOINT)

    built = await rig.builder.make("team-a", order, rigs.CODE)

    assert referees.referrers(built.ref) == []
    seen = len(rig.wire.seen)
    await rig.builder.finish(within=30.0)
    assert len(rig.wire.seen) > seen
    assert len(referees.referrers(built.ref)) == 1


async def test_an_image_that_is_found_is_given_no_other_list(
    rig: rigs.Rig, server: servers.Server
) -> None:
    base = rigs.push(server, AMD64)
    await make(rig, base)

    async with rigs.opened(server) as other:
        await make(other, base)

        assert [each.method for each in other.wire.seen if "ns/team-a" in each.url.path] == ["HEAD"]


async def test_the_same_list_twice_is_one_and_those_of_others_stay(
    rig: rigs.Rig, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    built = await make(rig, rigs.push(server, AMD64))
    signature = tmp_path / "signature.json"
    signature.write_text("{}")
    referees.attach(built.ref, signature, kind="application/vnd.example.signature")

    repository, _, digest = built.ref.partition("/")[2].partition("@")
    client = rig.builder._hosts.own()
    (ours,) = (
        each for each in referees.referrers(built.ref) if each["artifactType"] == bom.MEDIA_TYPE
    )
    document = referees.attached(built.ref, ours["digest"], tmp_path)
    again = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()

    assert ours["digest"] == await referrers.attach(
        client, repository, digest, again, kind=bom.MEDIA_TYPE
    )
    assert sorted(each["artifactType"] for each in referees.referrers(built.ref)) == [
        bom.MEDIA_TYPE,
        "application/vnd.example.signature",
    ]
