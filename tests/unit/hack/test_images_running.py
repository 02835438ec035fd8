import pathlib
from collections.abc import Sequence

import pytest

from hack.images import catalogue, errors, places, running
from hack.images.engines import base
from tests.unit.hack import images_fakes

(PYTORCH,) = catalogue.select(["pytorch"])


def say_version(command: base.Command) -> None:
    """Write the version where the image's Python was told to."""
    if "-c" in command.argv:
        pathlib.Path(command.argv[-1]).write_text("3.13")


class Installing(images_fakes.Programs):
    """Answers for uv: exports a lock, and installs an empty folder."""

    def output(self, argv: Sequence[str]) -> str:
        if "--target" in argv:
            pathlib.Path(argv[argv.index("--target") + 1]).mkdir()
        self.ran.append(list(argv))
        return "pytest==1 --hash=sha256:1\n"


@pytest.fixture
def engine() -> images_fakes.Engine:
    engine = images_fakes.Engine()
    engine.add(PYTORCH.local)
    engine.on_run = say_version
    return engine


def inside(
    engine: images_fakes.Engine, folder: pathlib.Path, programs: images_fakes.Programs
) -> running.Inside:
    lie = places.Places(root=folder / "tree", cache=folder / "cache")
    return running.Inside(engine, lie, programs)


def test_a_command_sees_the_tree_the_tools_and_the_library(
    engine: images_fakes.Engine, tmp_path: pathlib.Path
) -> None:
    programs = Installing()
    there = inside(engine, tmp_path, programs)
    assert there.command(PYTORCH, ["python3", "-m", "pytest"], environment={"A": "b"}) == 0
    command = engine.commands[-1][1]
    tree, tools = command.mounts
    assert tree == tmp_path / "tree"
    assert command.folder == str(tree)
    assert command.environment["PYTHONPATH"] == f"{tools}:{tree}/images/trainer"
    assert command.environment["A"] == "b"


def test_tools_are_installed_once_and_for_the_images_python(
    engine: images_fakes.Engine, tmp_path: pathlib.Path
) -> None:
    programs = Installing()
    there = inside(engine, tmp_path, programs)
    for _ in range(2):
        there.command(PYTORCH, ["true"], environment={})
    (install,) = [argv for argv in programs.ran if "install" in argv]
    assert install[install.index("--python-version") + 1] == "3.13"


def test_what_the_image_has_itself_is_not_brought_along(
    engine: images_fakes.Engine, tmp_path: pathlib.Path
) -> None:
    programs = Installing()
    inside(engine, tmp_path, programs).command(PYTORCH, ["true"], environment={})
    export = next(argv for argv in programs.ran if "export" in argv)
    assert {"numpy", "scikit-learn"} <= set(export)


def test_a_check_runs_as_a_pods_user(engine: images_fakes.Engine, tmp_path: pathlib.Path) -> None:
    inside(engine, tmp_path, images_fakes.Programs()).check(PYTORCH)
    ((ref, command),) = engine.commands
    assert ref == PYTORCH.local
    assert command.user == "65532:65532"
    assert command.argv[-1].endswith("hack/images/checks/pytorch.py")


@pytest.mark.parametrize("image", catalogue.IMAGES, ids=lambda image: image.name)
def test_every_image_has_a_check(image: catalogue.Image) -> None:
    assert (places.ROOT / running.CHECKS / f"{image.name}.py").is_file()


def test_an_image_that_was_not_built_is_named(tmp_path: pathlib.Path) -> None:
    there = inside(images_fakes.Engine(), tmp_path, Installing())
    with pytest.raises(errors.Unavailable, match=r"hack\.images build pytorch"):
        there.command(PYTORCH, ["true"], environment={})
