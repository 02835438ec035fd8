"""The images: what each is made of, and the hash that tells whether it is up to date.

Pure but for reading the working tree. Knows no engine.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from hack.images import errors

TAG = "dev"
# Changed when images of an older version of this package must be built again.
_VERSION = "1"
_IGNORED_FOLDERS = frozenset({"__pycache__"})
_IGNORED_SUFFIXES = frozenset({".pyc"})


@dataclass(frozen=True, slots=True)
class Image:
    """One image: a Dockerfile that takes BASE, and the paths that it copies."""

    name: str
    sources: tuple[str, ...]
    on: str = "base"
    """The image of ours that it stands on; empty for none."""

    @property
    def dockerfile(self) -> str:
        return f"images/{self.name}/Dockerfile"

    @property
    def local(self) -> str:
        """The image's name in the engine's store."""
        return f"localhost/{self.repository}:{TAG}"

    @property
    def repository(self) -> str:
        """The image's name in any registry, without a tag."""
        return f"trainshed/{self.name}"


BASE = Image("base", sources=(), on="")
IMAGES = (
    BASE,
    Image(
        "operator",
        sources=(
            "operator/trainshed",
            "images/trainer/trainshed_trainer",
            "pyproject.toml",
            "uv.lock",
        ),
    ),
    Image("builder", sources=(), on="operator"),
    Image("registry", sources=()),
    Image("buildah", sources=()),
    Image(
        "pytorch",
        sources=(
            "images/pytorch/excluded.cfg",
            "images/pytorch/debian.txt",
            "images/pytorch/cuda.txt",
        ),
    ),
    Image("pytorch-devel", sources=(), on="pytorch"),
    Image(
        "tensorflow",
        sources=(
            "images/tensorflow/requirements.txt",
            "images/tensorflow/tensorflow-cpu.txt",
            "images/tensorflow/tensorflow.txt",
        ),
    ),
)
_BY_NAME = {image.name: image for image in IMAGES}


def select(names: Sequence[str]) -> list[Image]:
    """Return the named images, or all where none is named, each after its base."""
    for name in names:
        if name not in _BY_NAME:
            known = ", ".join(_BY_NAME)
            raise errors.Refused(f"there is no image {name!r}: name some of {known}")
    return [image for image in IMAGES if image.name in (names or _BY_NAME)]


def with_base(images: Sequence[Image]) -> list[Image]:
    """Return the images with those that they stand on, each after its own."""
    needed = {image.name for image in images}
    for image in reversed(IMAGES):
        if image.name in needed and image.on:
            needed.add(image.on)
    return [image for image in IMAGES if image.name in needed]


def tags(root: pathlib.Path) -> tuple[str, str]:
    """Return the tags of a pushed image: the one of any tree, and the chart's version."""
    text = (root / "charts/trainshed/Chart.yaml").read_text("utf-8")
    return TAG, str(yaml.safe_load(text)["appVersion"])


def inputs(image: Image, *, root: pathlib.Path, base: str) -> str:
    """Return the hash of all that the image is made of; base names what it stands on."""
    paths = [image.dockerfile, ".dockerignore", *image.sources]
    return digest([_VERSION, base, *(line for path in paths for line in _tree(root, path))])


def digest(parts: Iterable[str]) -> str:
    """Return a hash of the parts that no other division into parts has."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(f"{len(part)}:{part}".encode())
    return hashed.hexdigest()


def _tree(root: pathlib.Path, path: str) -> Iterator[str]:
    """Yield name, mode and content of every file at the path, in an order of its own."""
    top = root / path
    if not top.exists():
        raise errors.Unavailable(f"{path} is not in the working tree, and an image needs it")
    files = [top] if top.is_file() else sorted(filter(_counts, top.rglob("*")))
    for file in files:
        executable = bool(file.stat().st_mode & 0o100)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        yield f"{file.relative_to(root)} {executable} {content}"


def _counts(path: pathlib.Path) -> bool:
    ignored = _IGNORED_FOLDERS.intersection(path.parts) or path.suffix in _IGNORED_SUFFIXES
    return path.is_file() and not ignored
