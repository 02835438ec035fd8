"""What the targets run, in a copy of the Makefile whose uv only writes down what it is asked."""

import os
import pathlib
import shutil
import subprocess

import pytest

from hack.images import places

# It fails where a file of that name says so, with the code in it.
UV = """\
#!/bin/sh
echo "${TRAINSHED_PROVIDER:-automatic}: $*" >>ran
for word in "$@"; do if [ -f "fails-$word" ]; then exit "$(cat "fails-$word")"; fi; done
"""


class Tree:
    """A folder with the Makefile."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "hack").mkdir()
        shutil.copy(places.ROOT / "Makefile", folder)
        (folder / "hack" / "bootstrap.sh").write_text(f"echo {folder}/uv\n")
        (folder / "uv").write_text(UV)
        (folder / "uv").chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> int:
        """Make a target, with variables, and return make's code."""
        (self.folder / "ran").write_text("")
        own = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        own.pop("TRAINSHED_PROVIDER", None)
        command = ["make", "--no-print-directory", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env={**own, **environment}, capture_output=True, check=False
        )
        return done.returncode

    def fail(self, word: str, *, code: int = 1) -> None:
        """Let what has this word on its command line fail."""
        (self.folder / f"fails-{word}").write_text(str(code))

    @property
    def ran(self) -> str:
        return (self.folder / "ran").read_text()


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> Tree:
    return Tree(tmp_path)


def test_a_bench_that_misses_its_range_stops_no_other(tree: Tree) -> None:
    tree.fail("tests.scale")
    assert tree.make("bench") != 0
    assert "python -m tests.scale" in tree.ran
    assert "python -m tests.train" in tree.ran


def test_the_last_bench_counts_too(tree: Tree) -> None:
    assert tree.make("bench") == 0
    tree.fail("tests.train")
    assert tree.make("bench") != 0


@pytest.mark.parametrize("target", ["test-cluster", "test-e2e", "bench-scale"])
def test_what_reads_this_machine_runs_on_the_host_provider(tree: Tree, target: str) -> None:
    assert tree.make(target) == 0
    providers = {line.partition(":")[0] for line in tree.ran.splitlines()}
    assert providers == {"host"}
    assert tree.make(target, TRAINSHED_PROVIDER="kind") == 0
    assert "host:" not in tree.ran


@pytest.mark.parametrize("target", ["demo", "cluster-up"])
def test_a_person_has_the_provider_that_the_machine_offers(tree: Tree, target: str) -> None:
    assert tree.make(target) == 0
    assert tree.ran.startswith("automatic: ")


@pytest.mark.parametrize("target", ["demo", "cluster-up", "fake-devices", "test-e2e"])
def test_the_provider_is_named_on_the_command_line(tree: Tree, target: str) -> None:
    assert tree.make(target, "PROVIDER=kind") == 0
    assert {line.partition(":")[0] for line in tree.ran.splitlines()} == {"kind"}
    assert tree.make("demo", PROVIDER="somebody's own") == 0
    assert tree.ran.startswith("automatic: ")


def test_the_checks_guard_the_layout(tree: Tree) -> None:
    assert tree.make("check") == 0
    assert "pytest tests/unit/test_layout.py" in tree.ran
    tree.fail("pytest")
    assert tree.make("check") != 0
