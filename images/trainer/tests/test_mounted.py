"""The library and the code of an image that is mounted into a base, as real processes find them."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import trainshed_trainer

pytestmark = pytest.mark.processes
LIBRARY = pathlib.Path(trainshed_trainer.__file__).parent
TELL = "import sys, {}; print({}.__file__)"


@pytest.fixture
def image(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder as the image is mounted."""
    root = tmp_path / "image"
    shutil.copytree(LIBRARY, root / "opt/trainshed/trainer/trainshed_trainer")
    (root / "app").mkdir()
    return root


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder that the base has on its PYTHONPATH."""
    folder = tmp_path / "base"
    folder.mkdir()
    return folder


def put(folder: pathlib.Path, name: str, text: str = "") -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def run(image: pathlib.Path, code: str, **environment: str) -> str:
    boot = image / "opt/trainshed/trainer/trainshed_trainer/mounted.py"
    command = [sys.executable, "-I", str(boot), "--", sys.executable, "-c", code]
    given = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run(
        command, cwd=image / "app", env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_library_and_code_are_imported_before_what_the_base_has(
    image: pathlib.Path, base: pathlib.Path
) -> None:
    mine = put(image / "app", "mine.py")
    put(base, "mine.py")
    theirs = put(base, "theirs.py")

    assert run(image, TELL.format("mine", "mine"), PYTHONPATH=str(base)) == str(mine)
    assert run(image, TELL.format("theirs", "theirs"), PYTHONPATH=str(base)) == str(theirs)
    found = run(image, TELL.format("trainshed_trainer", "trainshed_trainer"))
    assert found == str(image / "opt/trainshed/trainer/trainshed_trainer/__init__.py")


def test_nothing_that_lies_beside_it_is_imported_by_it(image: pathlib.Path) -> None:
    put(image / "opt/trainshed/trainer/trainshed_trainer", "os.py", "raise SystemExit(9)")
    put(image / "app", "sitecustomize.py", "print('once')")

    assert run(image, "print('done')") == "once\ndone"


def test_packages_come_after_the_base_and_their_pth_files_work(
    image: pathlib.Path, base: pathlib.Path
) -> None:
    packages = image / "opt/trainshed/packages"
    put(packages, "both.py")
    put(packages, "added.py")
    put(packages / "vendored", "deep.py")
    put(packages, "vendored.pth", "vendored\n")
    theirs = put(base, "both.py")

    assert run(image, TELL.format("both", "both"), PYTHONPATH=str(base)) == str(theirs)
    assert run(image, TELL.format("added", "added")) == str(packages / "added.py")
    assert run(image, TELL.format("deep", "deep")) == str(packages / "vendored/deep.py")


def test_programs_of_packages_are_found_after_the_bases(
    image: pathlib.Path, base: pathlib.Path
) -> None:
    code = "import shutil; print(shutil.which('mine'), shutil.which('both'))"
    for folder, names in (
        (image / "opt/trainshed/packages/bin", ("mine", "both")),
        (base, ("both",)),
    ):
        for name in names:
            put(folder, name, "#!/bin/sh\n").chmod(0o755)

    found = run(image, code, PATH=f"{base}:{os.environ['PATH']}")

    assert found == f"{image}/opt/trainshed/packages/bin/mine {base}/both"


def test_a_standard_module_is_never_a_package_of_the_same_name(image: pathlib.Path) -> None:
    put(image / "opt/trainshed/packages", "json.py", "raise SystemExit(9)")

    assert run(image, "import json; print(json.dumps(1))") == "1"


@pytest.mark.parametrize("packages", [False, True])
def test_the_bases_own_sitecustomize_is_still_run(
    image: pathlib.Path, base: pathlib.Path, packages: bool
) -> None:
    put(base, "sitecustomize.py", "import os; os.environ['SEEN'] = 'yes'")
    if packages:
        put(image / "opt/trainshed/packages", "added.py")

    assert run(image, "import os; print(os.environ['SEEN'])", PYTHONPATH=str(base)) == "yes"


def test_processes_of_the_command_find_all_of_it_too(image: pathlib.Path) -> None:
    put(image / "opt/trainshed/packages", "added.py")
    child = "import added, trainshed_trainer"
    code = f"import subprocess, sys; print(subprocess.call([sys.executable, '-c', {child!r}]))"

    assert run(image, code) == "0"


def test_a_command_that_is_not_there_says_so(image: pathlib.Path) -> None:
    boot = image / "opt/trainshed/trainer/trainshed_trainer/mounted.py"
    done = subprocess.run(
        [sys.executable, "-I", str(boot), "--", "no-such-command"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "no-such-command" in done.stderr
