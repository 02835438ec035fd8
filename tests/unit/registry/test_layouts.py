"""An image in a folder that a stranger wrote: pushed where it is what it says, else refused."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable

import pytest

from tests.unit.registry import faulty, images
from trainshed.registry import admitted, errors, layouts

IMAGE = images.image({"opt/made": b"made"}, {"opt/more": b"more"})
PLATFORM = "linux/amd64"
PLACE = admitted.Place(faulty.URL, "ns/a", "r:5/ns/a")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a layout with an image."""
    write(tmp_path, IMAGE)
    return tmp_path


def write(folder: pathlib.Path, image: images.Image) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    named = {image.digest: image.manifest, **image.blobs}
    for each in image.manifests:
        named |= {each.digest: each.manifest, **each.blobs}
    for digest, data in named.items():
        (blobs / digest.removeprefix("sha256:")).write_bytes(data)
    index = {"manifests": [{"mediaType": image.media_type, "digest": image.digest}]}
    (folder / "index.json").write_text(json.dumps(index))


def blob(folder: pathlib.Path, digest: str) -> pathlib.Path:
    return folder / "blobs" / "sha256" / digest.removeprefix("sha256:")


async def pushed(folder: pathlib.Path, registry: faulty.Registry) -> tuple[str, int]:
    return await layouts.push(faulty.Rig(registry).client, PLACE, folder, PLATFORM)


async def test_an_image_has_a_tag_in_the_registry_by_which_it_ages(folder: pathlib.Path) -> None:
    registry = faulty.Registry()
    name, sent = await pushed(folder, registry)
    assert name == f"r:5/ns/a@{IMAGE.digest}"
    assert registry.manifests[f"ns/a:{layouts.tag(IMAGE.digest)}"] == IMAGE.manifest
    assert {each for at, each in registry.blobs if at == "ns/a"} == set(IMAGE.blobs)
    assert sent == sum(map(len, IMAGE.blobs.values())) + len(IMAGE.manifest)


async def test_what_is_there_is_not_sent_again(folder: pathlib.Path) -> None:
    registry = faulty.Registry()
    await pushed(folder, registry)
    assert (await pushed(folder, registry))[1] == len(IMAGE.manifest)


def other_bytes(folder: pathlib.Path) -> None:
    blob(folder, IMAGE.layers[0]).write_bytes(b"others")


def other_manifest(folder: pathlib.Path) -> None:
    blob(folder, IMAGE.digest).write_bytes(b"{}")


def a_link(folder: pathlib.Path) -> None:
    secret = folder / "secret"
    secret.write_bytes(IMAGE.blobs[IMAGE.layers[0]])
    path = blob(folder, IMAGE.layers[0])
    path.unlink()
    path.symlink_to(secret)


def a_pipe(folder: pathlib.Path) -> None:
    path = blob(folder, IMAGE.layers[0])
    path.unlink()
    os.mkfifo(path)


def a_path(folder: pathlib.Path) -> None:
    index = {"manifests": [{"digest": "sha256:../../../secret"}]}
    (folder / "index.json").write_text(json.dumps(index))


def nothing(folder: pathlib.Path) -> None:
    (folder / "index.json").unlink()


def brackets(folder: pathlib.Path) -> None:
    (folder / "index.json").write_text("[" * 100_000)


def endless(folder: pathlib.Path) -> None:
    (folder / "index.json").write_bytes(b" " * (5 << 20))


def itself(folder: pathlib.Path) -> None:
    index = json.dumps({"manifests": [{"digest": IMAGE.digest}]})
    (folder / "index.json").write_text(index)
    blob(folder, IMAGE.digest).write_text(index)


@pytest.mark.parametrize("spoil", [other_bytes, other_manifest, a_link, a_pipe, a_path, nothing,
                                   brackets, endless, itself])  # fmt: skip
async def test_what_is_not_what_it_says_is_refused(
    folder: pathlib.Path, spoil: Callable[[pathlib.Path], None]
) -> None:
    spoil(folder)
    registry = faulty.Registry()
    with pytest.raises(errors.BaseUnsupported, match="the Dockerfile gave"):
        await pushed(folder, registry)
    assert not [name for name in registry.manifests if name.startswith("ns/a")]
