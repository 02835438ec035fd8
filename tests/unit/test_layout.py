"""Guards of the layout that no linter sees."""

import importlib
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = (
    "api",
    "frameworks",
    "accelerators",
    "workloads",
    "builds",
    "core",
    "kube",
    "registry",
    "progress",
    "metrics",
    "granting",
    "runtime",
    "cli",
)


def test_the_operator_folder_is_no_package() -> None:
    # A package of this name would hide the standard library's in everything started at the root.
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_standard_librarys_operator_wins_at_the_root() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.__file__)"],
        cwd=ROOT,
        env={"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stdout.startswith(str(ROOT))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_says_what_it_may_do(layer: str) -> None:
    package = importlib.import_module(f"trainshed.{layer}")
    assert package.__doc__


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "operator").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}


def test_what_the_unit_tier_does_not_collect_is_marked_for_another() -> None:
    (words,) = re.findall(r"^BEYOND = (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    files = {
        path
        for word in words.split()
        for path in (ROOT / "images" / "trainer" / "tests").glob(f"test_*{word}*.py")
    }
    mark = re.compile(r"^pytestmark = .*pytest\.mark\.(numpy|torch|tensorflow)\b", re.M)

    assert files
    assert [each.name for each in files if not mark.search(each.read_text("utf-8"))] == []
