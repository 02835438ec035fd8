"""From an order's requirements to an image: what goes over the wire, and what is the same again."""

from __future__ import annotations

import io
import json
import pathlib
import tarfile
from typing import Any

import pytest
import zstandard

from tests import package_index
from tests.unit.buildpod import roots
from tests.unit.registry import faulty, images
from trainshed.buildpod import compiled, distributions, failing, packages, sdists, stocktaking, uv
from trainshed.builds import manifests, measures, requirements
from trainshed.core import observed, plan
from trainshed.registry import answers

wheel = package_index.wheel
SITE = "usr/lib/python3/dist-packages"
BASE_FILES = {
    "usr/bin/python3": b"\x7fELF",
    "usr/lib/python3.13/os.py": b"",
    "usr/lib/x86_64-linux-gnu/libc.so.6": roots.GLIBC,
    f"{SITE}/numpy-2.2.4.dist-info/METADATA": roots.metadata("numpy", "2.2.4").encode(),
}
NAME = "registry.example/bases/full:1"
OWN = "trainshed/ns/team-a"
LARGE = "x" * distributions.BIG


def registry(files: dict[str, bytes] | None = None, **config: Any) -> faulty.Registry:
    """Return a registry that has a base with Python."""
    found = faulty.Registry()
    base = images.image(BASE_FILES if files is None else files, config=config)
    for digest, data in base.blobs.items():
        found.blobs["bases/full", digest] = data
    found.manifests["bases/full:1"] = base.manifest
    found.manifests[f"bases/full:{base.digest}"] = base.manifest
    return found


async def made(
    rig: faulty.Rig,
    index: package_index.Index,
    work: pathlib.Path,
    *wanted: str,
    file: str = "",
    limit: int = 1 << 30,
    extension: compiled.Wheel | None = None,
    built: sdists.Made | None = None,
) -> observed.BuiltImage:
    """Make an image with packages, as a build pod does."""
    files = {"train.py": b"import einops", **({"r.txt": file.encode()} if file else {})}
    added = packages.Packages(
        wanted=requirements.Requirements(packages=wanted, file="r.txt" if file else ""),
        files=files,
        index=uv.Index(index.url),
        work=work,
        limit=limit,
        watch=measures.Stopwatch(rig.clock),
        wheel=extension,
        made=built,
    )
    order = plan.BuildOrder(base=NAME, entrypoint=faulty.ENTRYPOINT)
    image = await rig.builder.make("team-a", order, files, added)
    await rig.builder.finish(within=30)
    return image


@pytest.fixture
def rig() -> faulty.Rig:
    return faulty.Rig(registry())


def manifest(rig: faulty.Rig, image: observed.BuiltImage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        rig.registry.manifests[f"{OWN}:{image.ref.partition('@')[2]}"]
    )
    return found


def layers(rig: faulty.Rig, image: observed.BuiltImage) -> list[list[str]]:
    """Return the names in each layer that is on top of the base."""
    found = []
    for each in manifest(rig, image)["layers"][1:]:
        data = rig.registry.blobs[OWN, each["digest"]]
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            tar = io.BytesIO(reader.read())
        with tarfile.open(fileobj=tar) as opened:
            found.append([entry.name for entry in opened if entry.isfile()])
    return found


def uploads(rig: faulty.Rig) -> int:
    return sum(each.method == "PUT" and "blobs" in each.url.path for each in rig.registry.seen)


def stock(index: package_index.Index) -> None:
    index.add(
        wheel("einops", "0.8.1", requires=["numpy>=2"]),
        wheel("numpy", "2.3.0"),
        wheel("heavy", "1.0", {"heavy.py": LARGE}),
    )


async def test_packages_lie_between_the_base_and_the_code(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    image = await made(rig, index, tmp_path, "einops", "heavy")
    heavy, rest, library, code = layers(rig, image)

    assert "opt/trainshed/packages/heavy.py" in heavy
    assert "opt/trainshed/packages/einops.py" in rest
    assert f"{SITE}/trainshed-packages.pth" in rest
    assert "opt/trainshed/requirements.lock" in rest
    assert not [each for each in rest if "numpy" in each]
    assert library[0].startswith("opt/trainshed/trainer")
    assert code == ["app/train.py"]


async def test_the_image_says_which_lock_it_has(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    image = await made(rig, index, tmp_path, "einops")
    found = manifest(rig, image)
    config = json.loads(rig.registry.blobs[OWN, found["config"]["digest"]])

    assert image.lock_hash.startswith("sha256:")
    assert found["annotations"][answers.LOCK] == image.lock_hash
    path = next(each for each in config["config"]["Env"] if each.startswith("PATH="))
    assert path == f"PATH={manifests.PATH}:/opt/trainshed/packages/bin"


async def test_the_same_again_installs_and_sends_nothing(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    first = await made(rig, index, tmp_path / "a", "einops")
    rig.clock.now += 60
    rig.registry.seen.clear()
    index.asked.clear()
    second = await made(rig, index, tmp_path / "b", "einops")

    assert (second.ref, second.cache_hit, second.uploaded_bytes) == (first.ref, True, 0)
    assert second.lock_hash == first.lock_hash
    assert rig.registry.of("PUT") == []
    assert not (tmp_path / "b/linux-amd64/packages").exists()


async def test_one_more_package_sends_only_what_is_new(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    await made(rig, index, tmp_path / "a", "heavy")
    rig.registry.seen.clear()
    more = await made(rig, index, tmp_path / "b", "heavy", "einops")

    assert not more.cache_hit
    # The rest, code, config and the image's list: neither the large package nor the library.
    assert uploads(rig) == 4


async def test_a_large_package_is_fetched_and_packed_once(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    one = await made(rig, index, tmp_path / "a", "heavy")
    index.asked.clear()
    more = await made(rig, index, tmp_path / "b", "heavy", "einops")

    wheels = [path for path, _ in index.asked if path.endswith(".whl")]
    assert wheels == ["/simple/einops/einops-0.8.1-py3-none-any.whl"]
    assert layers(rig, more)[0] == layers(rig, one)[0]
    assert not (tmp_path / "b/linux-amd64/alone-heavy").exists()
    assert (one.hits, more.hits) == ((), (measures.Hit.REQUIREMENTS,))


async def test_an_image_of_kept_layers_is_the_same_as_one_of_new_layers(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    await made(rig, index, tmp_path / "a", "heavy")
    of_kept = await made(rig, index, tmp_path / "b", "heavy", "einops")
    other = faulty.Rig(registry())
    of_new = await made(other, index, tmp_path / "c", "heavy", "einops")

    assert of_kept.ref == of_new.ref
    assert of_kept.uploaded_bytes < of_new.uploaded_bytes


async def test_a_kept_layer_that_is_gone_is_made_again(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    one = await made(rig, index, tmp_path / "a", "heavy")
    gone = manifest(rig, one)["layers"][1]["digest"]
    del rig.registry.blobs[OWN, gone]
    more = await made(rig, index, tmp_path / "b", "heavy", "einops")

    assert manifest(rig, more)["layers"][1]["digest"] == gone
    assert (OWN, gone) in rig.registry.blobs


@pytest.mark.parametrize(
    "change",
    [
        {"layers": []},
        {"layers": [{"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": 1}]},
        {"annotations": {}},
        {"annotations": {"dev.trainshed.distribution": "[" * 5000}},
        {"annotations": {"dev.trainshed.distribution": '{"diff_id":"x","size":1,"comment":"y"}'}},
    ],
    ids=["no layer", "another kind", "no marks", "nested marks", "no digest"],
)
async def test_a_kept_layer_that_is_not_sound_is_not_taken(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path, change: dict[str, Any]
) -> None:
    stock(index)
    one = await made(rig, index, tmp_path / "a", "heavy")
    (name,) = (each for each in rig.registry.manifests if each.startswith(f"{OWN}:w-"))
    document = json.loads(rig.registry.manifests[name])
    rig.registry.manifests[name] = json.dumps({**document, **change}).encode()
    more = await made(rig, index, tmp_path / "b", "heavy", "einops")

    assert layers(rig, more)[0] == layers(rig, one)[0]
    assert (tmp_path / "b/linux-amd64/alone-heavy/heavy.py").exists()


def first_layer(rig: faulty.Rig, image: observed.BuiltImage) -> str:
    """Return the digest of the lowest layer on top of the base."""
    return str(manifest(rig, image)["layers"][1]["digest"])


async def test_a_kept_layer_has_no_byte_of_a_package_that_was_installed_beside_it(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    index.add(wheel("zevil", "1.0", {"heavy.py": "evil", "zevil.py": ""}))
    beside = await made(rig, index, tmp_path / "a", "heavy", "zevil")
    other = faulty.Rig(registry())
    alone = await made(other, index, tmp_path / "b", "heavy")

    assert first_layer(rig, beside) == first_layer(other, alone)


async def test_a_file_of_two_large_packages_is_in_the_layers_of_both(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    for name in ("cva", "cvb"):
        index.add(wheel(name, "1.0", {"cv.py": name, f"{name}_data.py": LARGE}))
    both = await made(rig, index, tmp_path / "a", "cva", "cvb")

    of_cva, of_cvb, *_ = layers(rig, both)
    assert "opt/trainshed/packages/cv.py" in of_cva
    assert "opt/trainshed/packages/cv.py" in of_cvb
    alone = await made(rig, index, tmp_path / "b", "cvb")
    assert layers(rig, alone)[0] == of_cvb


async def test_of_a_file_of_two_small_packages_the_last_one_s_is_taken(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(wheel("one", "1.0", {"shared.py": "of one"}))
    index.add(wheel("two", "1.0", {"shared.py": "of two"}))
    refs = set()
    for number in range(3):
        again = faulty.Rig(registry())
        refs.add((await made(again, index, tmp_path / str(number), "one", "two")).ref)
        found = tmp_path / str(number) / "linux-amd64/packages/shared.py"
        assert found.read_text() == "of two"
    assert len(refs) == 1


async def test_kept_packages_count_for_the_limit(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    await made(rig, index, tmp_path / "a", "heavy")
    with pytest.raises(failing.BuildFailed, match=r"heavy \("):
        await made(rig, index, tmp_path / "b", "heavy", "einops", limit=distributions.BIG)


async def test_what_a_base_has_is_read_once(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    base = images.image(BASE_FILES).layers[0]
    await made(rig, index, tmp_path / "a", "einops")
    rig.registry.seen.clear()
    await made(rig, index, tmp_path / "b", "heavy")

    reads = [each for each in rig.registry.of("GET", base) if "Range" not in each.headers]
    assert reads == []
    assert [name for name in rig.registry.manifests if name.startswith(f"{OWN}:i-")]


async def test_an_inventory_that_is_not_sound_is_read_anew(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    await made(rig, index, tmp_path / "a", "einops")
    (name,) = (each for each in rig.registry.manifests if each.startswith(f"{OWN}:i-"))
    document = json.loads(rig.registry.manifests[name])
    hostile = b'{"python":"3.13","platform":"x","site":"/../../etc","packages":{}}'
    document["layers"][0]["digest"] = images.digest(hostile)
    rig.registry.blobs[OWN, images.digest(hostile)] = hostile
    rig.registry.manifests[name] = json.dumps(document).encode()

    again = await made(rig, index, tmp_path / "b", "einops", "heavy")

    assert f"{SITE}/trainshed-packages.pth" in layers(rig, again)[1]


async def test_a_base_without_python_is_refused(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    rig = faulty.Rig(registry({"bin/sh": b"#"}))
    with pytest.raises(failing.BuildFailed) as told:
        await made(rig, index, tmp_path, "einops")
    assert told.value.reason == "BaseWithoutPython"


async def test_a_base_whose_layer_is_broken_is_refused(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    rig = faulty.Rig(registry())
    layer = images.image(BASE_FILES).layers[0]
    rig.registry.blobs["bases/full", layer] = b"\x1f\x8b\x08\x00 no gzip"
    with pytest.raises(failing.BuildFailed, match="can't be read"):
        await made(rig, index, tmp_path, "einops")


async def test_packages_that_the_base_has_all_give_an_empty_lock(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    image = await made(rig, index, tmp_path, "numpy")
    assert layers(rig, image)[0] == [
        "opt/trainshed/requirements.lock",
        f"{SITE}/trainshed-packages.pth",
    ]


async def test_packages_that_are_too_large_are_not_pushed(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    with pytest.raises(failing.BuildFailed) as told:
        await made(rig, index, tmp_path, "heavy", limit=1000)
    assert told.value.reason == "RequirementsTooLarge"
    assert "heavy (" in str(told.value)


async def test_another_lock_is_another_image(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    one = await made(rig, index, tmp_path / "a", "einops")
    other = await made(rig, index, tmp_path / "b", "einops", "heavy")
    assert one.key != other.key
    assert one.lock_hash != other.lock_hash


def test_each_base_has_a_tag_of_its_own() -> None:
    tags = {stocktaking.tag(images.image({"a": each}).document) for each in (b"1", b"2")}
    assert len(tags) == 2
    assert all(len(each) == 34 for each in tags)
