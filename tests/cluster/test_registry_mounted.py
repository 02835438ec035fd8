"""An image that is mounted into its base: our layers alone, and nothing asked of the base."""

from __future__ import annotations

import pathlib

import pytest

from tests.cluster import referees
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import observed, plan
from trainshed.registry import errors

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"})
BOTH = ("linux/amd64", "linux/arm64")
ELSEWHERE = "ghcr.example/team/python@sha256:" + "e" * 64


async def make(
    rig: rigs.Rig, base: str, *, platforms: tuple[str, ...] = BOTH[:1], mounted: bool = True
) -> observed.BuiltImage:
    order = plan.BuildOrder(
        base=base,
        entrypoint=rigs.ENTRYPOINT,
        compression="gzip",
        platforms=platforms,
        mounted=mounted,
    )
    rig.wire.clear()
    return await rig.builder.make("team-a", order, rigs.CODE)


async def test_it_holds_the_library_and_the_code_and_no_layer_of_the_base(
    rig: rigs.Rig, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    built = await make(rig, rigs.push(server, BASE))

    referees.judge(built.ref, tmp_path / "judged", compression="gzip")
    manifest = referees.document("manifest", built.ref)
    config = referees.document("config", built.ref)
    assert [each["comment"] for each in config["history"]] == [
        "trainshed: training library",
        "trainshed: code",
    ]
    assert config["config"] == {}
    names = referees.files(built.ref, tmp_path / "exported.tar")
    assert "app/train.py" in names
    assert "opt/trainshed/trainer/trainshed_trainer/launch.py" in names
    assert not [each for each in names if each.startswith("usr")]
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == BASE.digest
    assert built.base_digest == BASE.digest


async def test_its_layers_are_those_of_the_image_on_top_of_the_base(
    rig: rigs.Rig, server: servers.Server
) -> None:
    base = rigs.push(server, BASE)
    mounted, whole = await make(rig, base), await make(rig, base, mounted=False)

    ours, theirs = (referees.document("manifest", each.ref) for each in (mounted, whole))
    assert ours["layers"] == theirs["layers"][1:]
    assert mounted.key != whole.key


async def test_a_base_by_digest_may_be_where_the_operator_must_not_call(
    rig: rigs.Rig, tmp_path: pathlib.Path
) -> None:
    built = await make(rig, ELSEWHERE)

    referees.judge(built.ref, tmp_path / "judged", compression="gzip")
    assert {each.url.host for each in rig.wire.seen} == {"127.0.0.1"}
    with pytest.raises(errors.NotAllowed):
        await make(rig, ELSEWHERE.partition("@")[0])


async def test_it_is_an_index_where_nodes_differ(
    rig: rigs.Rig, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    built = await make(rig, rigs.push(server, BASE), platforms=BOTH)

    referees.judge(built.ref, tmp_path / "judged", compression="gzip")
    listed = referees.document("manifest", built.ref)["manifests"]
    assert [each["platform"]["architecture"] for each in listed] == ["amd64", "arm64"]
