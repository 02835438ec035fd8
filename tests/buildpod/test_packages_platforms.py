"""Packages of an image for two platforms: each has wheels of its own, chosen on one machine."""

from __future__ import annotations

import io
import json
import pathlib
import tarfile
from typing import Any

import pytest
import zstandard

from tests import package_index
from tests.unit.buildpod import machines
from tests.unit.registry import faulty
from trainshed.buildpod import packages, uv
from trainshed.builds import measures, requirements
from trainshed.core import observed, plan

BOTH = machines.PLATFORMS
OWN = "trainshed/ns/team-a"


@pytest.fixture
def rig() -> faulty.Rig:
    """Return a builder, and a registry with a base for both."""
    registry = faulty.Registry()
    index = machines.bases()
    for image in (*index.manifests, index):
        registry.manifests[f"bases/both:{image.digest}"] = image.manifest
        for digest, data in image.blobs.items():
            registry.blobs["bases/both", digest] = data
    registry.manifests["bases/both:1"] = index.manifest
    return faulty.Rig(registry)


async def made(
    rig: faulty.Rig, index: package_index.Index, work: pathlib.Path, *, mounted: bool = False
) -> observed.BuiltImage:
    """Make an image with a package that has machine code."""
    index.add(*machines.wheels())
    added = packages.Packages(
        wanted=requirements.Requirements(packages=("fast",)),
        files={},
        index=uv.Index(index.url),
        work=work,
        limit=1 << 30,
        watch=measures.Stopwatch(rig.clock),
    )
    order = plan.BuildOrder(
        base="registry.example/bases/both:1",
        entrypoint=faulty.ENTRYPOINT,
        platforms=BOTH,
        mounted=mounted,
    )
    image = await rig.builder.make("team-a", order, {"train.py": b"import fast"}, added)
    await rig.builder.finish(within=30)
    return image


def read(rig: faulty.Rig, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rig.registry.manifests[f"{OWN}:{version}"])
    return found


def files(rig: faulty.Rig, manifest: dict[str, Any]) -> dict[str, bytes]:
    """Return all files of the layers that are ours."""
    found: dict[str, bytes] = {}
    for each in manifest["layers"]:
        if each["mediaType"].endswith("+zstd"):
            data = rig.registry.blobs[OWN, each["digest"]]
            with zstandard.ZstdDecompressor().stream_reader(data) as reader:
                tar = io.BytesIO(reader.read())
            with tarfile.open(fileobj=tar) as opened:
                for entry in opened:
                    if entry.isfile():
                        found[entry.name] = (opened.extractfile(entry) or io.BytesIO()).read()
    return found


@pytest.mark.parametrize("mounted", [False, True], ids=["on the base", "mounted"])
async def test_each_platform_has_machine_code_of_its_own(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path, mounted: bool
) -> None:
    image = await made(rig, index, tmp_path, mounted=mounted)

    listed = read(rig, image.ref.partition("@")[2])["manifests"]
    assert [each["platform"]["architecture"] for each in listed] == ["amd64", "arm64"]
    for each in listed:
        held = files(rig, read(rig, each["digest"]))
        number = machines.MACHINES[each["platform"]["architecture"]][1]
        assert machines.elf_machine(held["opt/trainshed/packages/fast.so"]) == number


async def test_code_and_library_are_the_same_blobs_for_both(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    image = await made(rig, index, tmp_path)

    listed = read(rig, image.ref.partition("@")[2])["manifests"]
    amd, arm = (read(rig, each["digest"])["layers"] for each in listed)
    assert amd[-2:] == arm[-2:]
    assert amd[:-2] != arm[:-2]


async def test_the_list_of_contents_names_what_the_base_has_and_what_the_lock_adds(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    image = await made(rig, index, tmp_path)

    (about,) = read(rig, image.ref.partition("@")[2].replace(":", "-"))["manifests"]
    (layer,) = read(rig, about["digest"])["layers"]
    document = json.loads(rig.registry.blobs[OWN, layer["digest"]])
    named = {
        each["purl"]: {one["value"] for one in each["properties"]}
        for each in document["components"]
        if each.get("purl", "").startswith("pkg:pypi/")
    }
    assert named == {
        "pkg:pypi/numpy@2.2.4": {"base", *BOTH},
        "pkg:pypi/fast@1.0": {"requirements", *BOTH},
    }
    (fast,) = (each for each in document["components"] if each["name"] == "fast")
    assert len(fast["externalReferences"][0]["hashes"]) == 2
