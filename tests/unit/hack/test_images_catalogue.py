import os
import pathlib
import re

import pytest

from hack.images import catalogue, errors, places

IMAGE = catalogue.Image("operator", sources=("code", "lock"))

DEBIAN = "docker.io/library/debian:trixie-slim"


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in ("images/operator/Dockerfile", ".dockerignore", "lock", "code/a.py", "code/b/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def hashed(tree: pathlib.Path, base: str = "base") -> str:
    return catalogue.inputs(IMAGE, root=tree, base=base)


@pytest.mark.parametrize(
    "path", ["images/operator/Dockerfile", ".dockerignore", "lock", "code/a.py", "code/b/c.py"]
)
def test_a_change_of_any_source_changes_the_inputs(tree: pathlib.Path, path: str) -> None:
    before = hashed(tree)
    (tree / path).write_text("changed")
    assert hashed(tree) != before


def test_another_base_changes_the_inputs(tree: pathlib.Path) -> None:
    assert hashed(tree, "one") != hashed(tree, "other")


def test_a_renamed_file_changes_the_inputs(tree: pathlib.Path) -> None:
    before = hashed(tree)
    (tree / "code/a.py").rename(tree / "code/d.py")
    assert hashed(tree) != before


def test_an_executable_bit_changes_the_inputs(tree: pathlib.Path) -> None:
    before = hashed(tree)
    (tree / "code/a.py").chmod(0o755)
    assert hashed(tree) != before


def test_bytecode_and_times_do_not_change_the_inputs(tree: pathlib.Path) -> None:
    before = hashed(tree)
    (tree / "code/__pycache__").mkdir()
    (tree / "code/__pycache__/a.cpython-313.pyc").write_text("bytecode")
    (tree / "other").write_text("no source of the image")
    os.utime(tree / "code/a.py", (0, 0))
    assert hashed(tree) == before


def test_a_missing_source_is_named(tree: pathlib.Path) -> None:
    (tree / "lock").unlink()
    with pytest.raises(errors.Unavailable, match="lock is not in the working tree"):
        hashed(tree)


def test_the_base_comes_before_what_stands_on_it() -> None:
    named = catalogue.with_base(catalogue.select(["pytorch", "operator"]))
    assert [image.name for image in named] == ["base", "operator", "pytorch"]


def test_what_an_image_stands_on_comes_with_it() -> None:
    named = catalogue.with_base(catalogue.select(["builder"]))
    assert [image.name for image in named] == ["base", "operator", "builder"]


def test_no_name_means_all_images() -> None:
    assert catalogue.with_base(catalogue.select([])) == list(catalogue.IMAGES)


def test_an_unknown_image_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        errors.Refused, match="'torch': name some of base, operator, builder, registry, buildah"
    ):
        catalogue.select(["torch"])


@pytest.mark.parametrize("image", catalogue.IMAGES, ids=lambda image: image.name)
def test_a_dockerfile_takes_its_base_and_copies_what_the_catalogue_lists(
    image: catalogue.Image,
) -> None:
    text = (places.ROOT / image.dockerfile).read_text()
    base = DEBIAN if image.on in ("", "base") else f"trainshed/{image.on}:dev"
    assert f"\nARG BASE={base}\nFROM ${{BASE}}" in text
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M)
    assert {path for paths in copied for path in paths.split()} == set(image.sources)


def test_the_build_context_has_every_source_and_nothing_else() -> None:
    lines = (places.ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert allowed == {path for image in catalogue.IMAGES for path in image.sources}
