"""Extensions of the code in an image: beside its packages, or alone, and for the base's Python."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests import package_index
from tests.buildpod import test_packages as images
from tests.unit.registry import faulty
from trainshed.buildpod import compiled, failing
from trainshed.builds import compilers
from trainshed.registry import answers

TAG = "cp313-cp313-linux_x86_64"
PLACED = "opt/trainshed/packages"


def extension(
    folder: pathlib.Path, *, tag: str = TAG, data: str = "ELF", name: str = "fast"
) -> compiled.Wheel:
    """Return what a compiler left in a folder."""
    wheels = folder / compilers.WHEELS.lstrip("/")
    wheels.mkdir(parents=True)
    stem, packed = package_index.wheel(name, "1.5", {"fast/_c.so": data}, tag=tag)
    (wheels / stem).write_bytes(packed)
    return compiled.wheel(root=folder)


@pytest.fixture
def rig() -> faulty.Rig:
    return faulty.Rig(images.registry())


async def test_an_extension_alone_is_installed_and_has_no_lock(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    made = await images.made(rig, index, tmp_path / "a", extension=extension(tmp_path))
    added, library, _ = images.layers(rig, made)

    assert added == sorted(
        [
            f"{PLACED}/fast-1.5.dist-info/METADATA",
            f"{PLACED}/fast-1.5.dist-info/RECORD",
            f"{PLACED}/fast-1.5.dist-info/WHEEL",
            f"{PLACED}/fast/_c.so",
            f"{images.SITE}/trainshed-packages.pth",
        ]
    )
    assert library[0].startswith("opt/trainshed/trainer")
    assert made.lock_hash == ""
    assert answers.LOCK not in images.manifest(rig, made)["annotations"]
    assert index.asked == []


async def test_an_extension_lies_beside_the_packages(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    images.stock(index)
    made = await images.made(rig, index, tmp_path / "a", "einops", extension=extension(tmp_path))
    added = images.layers(rig, made)[0]

    assert {f"{PLACED}/einops.py", f"{PLACED}/fast/_c.so"} <= set(added)
    assert "opt/trainshed/requirements.lock" in added
    assert made.lock_hash.startswith("sha256:")


async def test_other_bytes_are_another_image_and_the_same_are_found(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    found = []
    for part, data in (("a", "ELF"), ("b", "ELF"), ("c", "FLE")):
        made = extension(tmp_path / part, data=data)
        found.append(await images.made(rig, index, tmp_path / part / "w", extension=made))
    one, same, other = found
    assert (same.key, same.cache_hit, same.uploaded_bytes) == (one.key, True, 0)
    assert (other.key != one.key, other.cache_hit) == (True, False)


@pytest.mark.parametrize("tag", ["cp311-cp311-linux_x86_64", "cp313-cp313-linux_aarch64"])
async def test_an_extension_for_another_python_or_machine_is_refused(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path, tag: str
) -> None:
    with pytest.raises(failing.BuildFailed) as told:
        await images.made(rig, index, tmp_path / "a", extension=extension(tmp_path, tag=tag))

    assert (told.value.reason, told.value.terminal) == ("CompiledForAnotherPython", True)
    assert tag in str(told.value)
    assert "the base has Python 3.13" in str(told.value)


async def test_an_extension_takes_no_package_of_an_index_in_its_place(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(package_index.wheel("fast", "1.5", {"fast/stolen.py": ""}))
    made = await images.made(rig, index, tmp_path / "a", extension=extension(tmp_path))
    assert f"{PLACED}/fast/_c.so" in images.layers(rig, made)[0]


async def test_an_extension_is_in_the_list_of_contents(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    await images.made(rig, index, tmp_path / "a", extension=extension(tmp_path))
    documents = [data for data in rig.registry.blobs.values() if b"CycloneDX" in data]
    (listed,) = (json.loads(each)["components"] for each in documents)
    assert ("fast", "1.5") in {(each["name"], each.get("version")) for each in listed}
