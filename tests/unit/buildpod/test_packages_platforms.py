"""Packages of an image for two platforms: each has wheels of its own, chosen on one machine."""

from __future__ import annotations

import io
import json
import pathlib
import struct
import tarfile
from typing import Any

import pytest
import zstandard

from tests import package_index
from tests.unit.buildpod import roots
from tests.unit.registry import faulty, images
from trainshed.buildpod import packages, uv
from trainshed.builds import measures, requirements
from trainshed.core import observed, plan

BOTH = ("linux/amd64", "linux/arm64")
MACHINES = {"amd64": ("x86_64", 0x3E), "arm64": ("aarch64", 0xB7)}
"""The architecture's name in wheels, and its number in the header of ELF files."""
SITE = "usr/lib/python3/dist-packages"
OWN = "trainshed/ns/team-a"


def shared_object(machine: int) -> bytes:
    """Return a file that begins as a 64-bit little-endian ELF of a machine."""
    return b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HH", 3, machine) + b"\0" * 44


def elf_machine(data: bytes) -> int:
    """Return the machine in the header of an ELF file."""
    assert data[:4] == b"\x7fELF"
    found: int = struct.unpack_from("<H", data, 18)[0]
    return found


def base(architecture: str) -> images.Image:
    """Return a base with Python, NumPy and glibc."""
    triplet = f"{MACHINES[architecture][0]}-linux-gnu"
    files = {
        "usr/bin/python3": b"\x7fELF",
        "usr/lib/python3.13/os.py": b"",
        f"usr/lib/{triplet}/libc.so.6": roots.GLIBC,
        f"{SITE}/numpy-2.2.4.dist-info/METADATA": roots.metadata("numpy", "2.2.4").encode(),
    }
    return images.image(files, platform=f"linux/{architecture}")


@pytest.fixture
def rig() -> faulty.Rig:
    """Return a builder, and a registry with a base for both."""
    registry = faulty.Registry()
    index = images.index({f"linux/{each}": base(each) for each in MACHINES})
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
    for architecture, (machine, number) in MACHINES.items():
        content = {"fast.so": shared_object(number), "fast.py": f"# {architecture}"}
        tag = f"cp313-cp313-manylinux_2_28_{machine}"
        index.add(package_index.wheel("fast", "1.0", content, tag=tag))
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
        number = MACHINES[each["platform"]["architecture"]][1]
        assert elf_machine(held["opt/trainshed/packages/fast.so"]) == number


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
