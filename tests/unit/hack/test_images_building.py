import io
import pathlib
import shutil

import pytest
import rich.console

from hack.cluster import console
from hack.images import building, catalogue, errors, places
from tests.unit.hack import images_fakes

PUBLIC = "registry.example/debian:trixie-slim"
NAMES = [image.name for image in catalogue.IMAGES]


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    root = tmp_path / "tree"
    for image in catalogue.IMAGES:
        for path in [image.dockerfile, ".dockerignore", *image.sources]:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path)
    return root


def builder(
    engine: images_fakes.Engine, tree: pathlib.Path, *, base: str = PUBLIC, fresh: bool = False
) -> building.Builder:
    shown = console.Console(rich.console.Console(file=io.StringIO()))
    lie = places.Places(root=tree, cache=tree.parent / "cache")
    return building.Builder(engine, lie, images_fakes.Programs(), shown, base=base, fresh=fresh)


def test_the_second_build_builds_nothing(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    assert builder(engine, tree).build(catalogue.IMAGES) == NAMES
    assert builder(engine, tree).build(catalogue.IMAGES) == []


def test_images_stand_on_the_base_and_the_base_on_what_is_given(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    builder(engine, tree).build(catalogue.IMAGES)
    assert [build.arguments["BASE"] for build in engine.built] == [
        f"localhost/trainshed/{image.on}:dev" if image.on else PUBLIC for image in catalogue.IMAGES
    ]


def test_a_change_of_code_builds_only_its_image_and_what_stands_on_it(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    builder(engine, tree).build(catalogue.IMAGES)
    (tree / "operator/trainshed").write_text("changed")
    assert builder(engine, tree).build(catalogue.IMAGES) == ["operator", "builder"]


def test_another_base_builds_all(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    builder(engine, tree).build(catalogue.IMAGES)
    built = builder(engine, tree, base="other.example/debian").build(catalogue.IMAGES)
    assert built == NAMES


def test_a_base_that_moved_builds_all(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    engine.add(PUBLIC)
    builder(engine, tree).build(catalogue.IMAGES)
    engine.add(PUBLIC)
    assert builder(engine, tree).build(catalogue.IMAGES) == NAMES


def test_a_fresh_build_takes_no_layer_of_an_earlier_one(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    builder(engine, tree).build([catalogue.BASE])
    builder(engine, tree, fresh=True).build([catalogue.BASE])
    assert [build.fresh for build in engine.built] == [False, True]


def test_the_image_that_had_the_name_is_removed(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    builder(engine, tree).build([catalogue.BASE])
    (before,) = engine.images.values()
    (tree / catalogue.BASE.dockerfile).write_text("changed")
    builder(engine, tree).build([catalogue.BASE])
    assert engine.removed == [before.id]


def test_an_image_that_others_stand_on_may_stay(tree: pathlib.Path) -> None:
    class Keeping(images_fakes.Engine):
        def remove(self, image_id: str) -> None:
            raise errors.CommandFailed("image has dependents")

    engine = Keeping()
    builder(engine, tree).build([catalogue.BASE])
    assert builder(engine, tree, fresh=True).build([catalogue.BASE]) == ["base"]


def test_a_build_that_leaves_no_image_is_an_error(tree: pathlib.Path) -> None:
    class Losing(images_fakes.Engine):
        def add(self, ref: str, labels: object = None) -> None:  # type: ignore[override]
            return

    with pytest.raises(errors.CommandFailed, match=r"image-base\.log"):
        builder(Losing(), tree).build([catalogue.BASE])


def test_an_image_of_an_older_tree_is_found_again(tree: pathlib.Path) -> None:
    engine = images_fakes.Engine()
    builder(engine, tree).build(catalogue.IMAGES)
    moved = tree.parent / "moved"
    shutil.copytree(tree, moved)
    assert builder(engine, moved).build(catalogue.IMAGES) == []
