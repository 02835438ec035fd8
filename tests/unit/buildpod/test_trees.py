"""A tree of untrusted files is read whole, or refused with the file's name."""

from __future__ import annotations

import os
import pathlib

import pytest

from trainshed.buildpod import failing, trees
from trainshed.builds import layers

MEGABYTE = 1 << 20


def read(folder: pathlib.Path, *ignore: str, limit: int = MEGABYTE) -> dict[str, bytes]:
    return trees.read(folder, ignore=ignore, limit=limit)


def test_files_programs_and_links_are_read_as_what_they_are(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.py").write_text("a")
    (tmp_path / "run.sh").write_text("#!/bin/sh")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "b.py").symlink_to("lib/a.py")
    (tmp_path / "also").symlink_to("lib")

    found = read(tmp_path)

    assert found == {"also": b"lib", "b.py": b"lib/a.py", "lib/a.py": b"a", "run.sh": b"#!/bin/sh"}
    kinds = {name: type(data) for name, data in found.items()}
    assert kinds == {
        "also": layers.Link,
        "b.py": layers.Link,
        "lib/a.py": bytes,
        "run.sh": layers.Program,
    }


def test_gits_own_folder_and_what_is_ignored_stay_out(tmp_path: pathlib.Path) -> None:
    for name in (".git/config", "a.ckpt", "keep/b.ckpt", "data/big.bin", "train.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    assert sorted(read(tmp_path, "*.ckpt", "!keep/b.ckpt", "data/")) == ["keep/b.ckpt", "train.py"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret", "lib/../../secret"])
def test_a_link_out_of_the_tree_is_refused(tmp_path: pathlib.Path, target: str) -> None:
    tree = tmp_path / "tree"
    (tree / "lib").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tree / "leak").symlink_to(target)

    with pytest.raises(failing.BuildFailed, match="'leak' is a link out of the source") as caught:
        read(tree)
    assert caught.value.reason == "SourceInvalid"


@pytest.mark.parametrize("target", [b"loop", b"\xff\xfe"])
def test_a_link_to_itself_or_to_no_text_is_refused(tmp_path: pathlib.Path, target: bytes) -> None:
    os.symlink(target, os.fsencode(tmp_path / "loop"))
    with pytest.raises(failing.BuildFailed, match="'loop' is a link out"):
        read(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: pathlib.Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"\xff"), "wb"):
        pass
    with pytest.raises(failing.BuildFailed) as caught:
        read(tmp_path)
    assert caught.value.reason == "SourceInvalid"


def test_a_file_behind_a_linked_folder_is_not_read(tmp_path: pathlib.Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (tree / "leak").symlink_to("../outside")

    with pytest.raises(failing.BuildFailed, match="leak"):
        read(tree)


def test_too_much_is_refused_with_the_largest_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "weights.bin").write_bytes(b"x" * 900)

    with pytest.raises(failing.BuildFailed, match=r"901 bytes.*'weights.bin' \(900") as caught:
        read(tmp_path, limit=500)
    assert caught.value.reason == "SourceTooLarge"


def test_a_pipe_is_refused(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(failing.BuildFailed, match="'pipe' is no file"):
        read(tmp_path)


def test_a_name_that_would_delete_a_file_of_the_base_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".wh.bin").write_text("")
    with pytest.raises(failing.BuildFailed, match=r"\.wh\.bin"):
        read(tmp_path)
