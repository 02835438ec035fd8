"""How engines are called: no shell reads what a user wrote, and failures are left as files."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from hypothesis import given, strategies

from trainshed.builds import dockerfiles, pods, stages

WORDS = strategies.text(strategies.characters(exclude_characters="\0"), max_size=20)
KINDS = list(dockerfiles.Kind)
PROGRAMS = {
    dockerfiles.Kind.BUILDAH: "buildah",
    dockerfiles.Kind.BUILDKIT: "buildctl-daemonless.sh",
}


@given(kind=strategies.sampled_from(KINDS), value=WORDS, target=WORDS)
def test_a_users_words_are_within_one_argument_each(
    kind: dockerfiles.Kind, value: str, target: str
) -> None:
    asked = dockerfiles.Dockerfile("D", target, (("A", value),))
    found = dockerfiles.arguments(kind, asked, compression="zstd")
    assert [each for each in found if each.endswith(f"A={value}") and "build-arg" in each]
    assert all(each.startswith("--") for each in found if each != dockerfiles.CONTEXT)


def test_the_folders_of_the_steps_are_on_the_pods_volumes() -> None:
    for path in (dockerfiles.CONTEXT, dockerfiles.HOME, dockerfiles.REFUSAL, dockerfiles.REVISION):
        assert path.startswith(f"{pods.WORK}/")
    for path in (dockerfiles.BUILT, dockerfiles.LOG, dockerfiles.CODE):
        assert path.startswith(f"{dockerfiles.IMAGE}/")
    assert stages.UID != pods.UID


class Bench:
    """The engine's script, in folders of a test, with a program that does as it is told."""

    def __init__(self, folder: pathlib.Path, kind: dockerfiles.Kind, program: str) -> None:
        self.folder, self.kind = folder, kind
        for name in ("work/home/.config", "image", "bin"):
            (folder / name).mkdir(parents=True)
        (folder / "work/home/.config/known").write_text("settings")
        path = folder / "bin" / PROGRAMS[kind]
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)

    def run(self, *arguments: str) -> int:
        """Run the script as the pod does; return its exit code."""
        shell, flag, script, name = dockerfiles.command(self.kind)
        script = script.replace("/work", f"{self.folder}/work")
        script = script.replace("/image", f"{self.folder}/image")
        wanted = dockerfiles.environment(self.kind, compression="gzip")
        given = {key: value.replace("/image", f"{self.folder}/image")
                 for key, value in wanted.items()}  # fmt: skip
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            [shell, flag, script, name, *arguments],
            env={**given, "PATH": path},
            check=False,
            capture_output=True,
        )
        return done.returncode

    def left(self, name: str) -> str:
        """Return what a file of the engine's volume holds."""
        return (self.folder / "image" / name).read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_finds_its_settings_and_its_arguments_whole(
    tmp_path: pathlib.Path, kind: dockerfiles.Kind
) -> None:
    program = 'cat "$HOME/.config/known"; printf "<%s>" "$@"'
    bench = Bench(tmp_path, kind, program)
    assert bench.run("--one two", "$(touch x); `false`") == 0
    assert bench.left("code").strip() == "0"
    assert "settings<build><--one two><$(touch x); `false`>" in bench.left("log")


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_that_fails_ends_well_and_leaves_its_code_and_its_words(
    tmp_path: pathlib.Path, kind: dockerfiles.Kind
) -> None:
    bench = Bench(tmp_path, kind, "echo it broke >&2; exit 3")
    assert bench.run("x") == 0
    assert bench.left("code").strip() == "3"
    assert "it broke" in bench.left("log")


def test_nothing_is_begun_where_the_step_before_refused(tmp_path: pathlib.Path) -> None:
    bench = Bench(tmp_path, dockerfiles.Kind.BUILDAH, "echo begun")
    (tmp_path / "work/refusal.json").write_text("{}")
    assert bench.run("x") == 0
    assert not (tmp_path / "image/log").exists()


def test_an_image_is_written_only_where_it_was_built(tmp_path: pathlib.Path) -> None:
    program = 'echo "$1"; test "$1" != build'
    bench = Bench(tmp_path, dockerfiles.Kind.BUILDAH, program)
    bench.run("x")
    assert bench.left("code").strip() == "1"
    assert "push" not in bench.left("log")
