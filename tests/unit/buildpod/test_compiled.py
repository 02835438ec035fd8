"""What a compiler is given, and what is believed of what it left."""

from __future__ import annotations

import io
import os
import pathlib
import struct
import zipfile
from collections.abc import Mapping

import pytest

from tests import facts, package_index
from trainshed.buildpod import compiled, failing, fetching, words
from trainshed.builds import compilers, dockerfiles, layers, orders

TREE = {
    "setup.py": b"",
    "run.sh": layers.Program(b"#!/bin/sh"),
    "fast/__init__.py": b"",
    "train.py": b"",
}
TAG = "cp313-cp313-linux_x86_64"
MADE = {"fast/__init__.py": "", "fast/_c.so": "ELF", "plain.so": "ELF"}


def order() -> orders.Order:
    return facts.pod_order(compile="devel@sha256:0")


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a pod's volumes, as they are at its start."""
    for path in ("/work", compilers.OUTCOME):
        at(tmp_path, path).mkdir(parents=True)
    return tmp_path


def at(root: pathlib.Path, path: str) -> pathlib.Path:
    return root / path.lstrip("/")


def lay_out(root: pathlib.Path, tree: Mapping[str, bytes] = TREE) -> None:
    compiled.lay_out(order(), fetching.Fetched(tree, "c" * 40), root=root)


def ended(
    root: pathlib.Path, wheel: tuple[str, bytes] | None, *, code: str = "0", log: str = ""
) -> None:
    """Let the compiler have ended."""
    at(root, compilers.LOG).write_text(log)
    at(root, compilers.CODE).write_text(f"{code}\n")
    at(root, compilers.WHEELS).mkdir(exist_ok=True)
    if wheel is not None:
        (at(root, compilers.WHEELS) / wheel[0]).write_bytes(wheel[1])


def wheel(files: Mapping[str, bytes | str] | None = None, name: str = "fast") -> tuple[str, bytes]:
    return package_index.wheel(name, "1.5", files or MADE, tag=TAG)


def refused(root: pathlib.Path) -> failing.BuildFailed:
    with pytest.raises(failing.BuildFailed) as told:
        compiled.collected(order(), root=root)
    return told.value


def test_the_code_comes_back_with_the_extensions_of_its_own_packages(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, wheel())
    found = compiled.collected(order(), root=root)
    assert found.files == {**TREE, "fast/_c.so": b"ELF"}
    assert isinstance(found.files["run.sh"], layers.Program)
    assert found.revision == "c" * 40


def test_a_file_of_the_source_is_never_replaced(root: pathlib.Path) -> None:
    tree = {**TREE, "fast/_c.so": b"mine"}
    lay_out(root, tree)
    ended(root, wheel())
    assert compiled.collected(order(), root=root).files == tree


@pytest.mark.parametrize("name", ["fast/../../etc/x.so", "/etc/x.so", "fast//x.so", "./fast/x.so"])
def test_no_name_of_a_wheel_leads_out_of_the_code(root: pathlib.Path, name: str) -> None:
    lay_out(root)
    ended(root, wheel({name: "ELF"}))
    assert compiled.collected(order(), root=root).files == TREE


def test_a_source_that_has_no_project_is_told_with_what_it_has(root: pathlib.Path) -> None:
    with pytest.raises(failing.BuildFailed, match=r"has neither \(but 'kernels\.cpp'\)") as told:
        lay_out(root, {"kernels.cpp": b""})
    assert (told.value.reason, told.value.terminal) == ("CompileNothing", True)


@pytest.mark.parametrize("name", ["setup.py", "pyproject.toml"])
def test_either_project_file_will_do(root: pathlib.Path, name: str) -> None:
    lay_out(root, {name: b""})
    assert (at(root, dockerfiles.CONTEXT) / name).exists()


def test_the_first_steps_refusal_is_told_as_it_was(root: pathlib.Path) -> None:
    said = words.refused("SourceRefNotFound", "no such branch", terminal=True)
    at(root, dockerfiles.REFUSAL).write_text(said)
    found = refused(root)
    assert (found.reason, str(found), found.terminal) == (
        "SourceRefNotFound",
        "no such branch",
        True,
    )


def test_a_build_that_failed_is_told_by_its_log(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, None, code="1", log="kernels.cpp:4:10: error: 'z' was not declared")
    assert "kernels.cpp:4:10: error: 'z' was not declared" in str(refused(root))


def test_a_build_that_was_killed_is_no_success(root: pathlib.Path) -> None:
    lay_out(root)
    assert refused(root).reason == "BuildOutOfMemory"


def bomb() -> bytes:
    """Return a wheel that says it has more than is allowed."""
    _, data = wheel({"fast/_c.so": "ELF"})
    found = bytearray(data)
    place = found.index(b"PK\x01\x02")
    found[place + 24 : place + 28] = struct.pack("<I", (513 << 20))
    return bytes(found)


NAME = f"fast-1.5-{TAG}.whl"
HOSTILE = {
    "no wheel": {},
    "two wheels": dict([wheel(), wheel(name="slow")]),
    "a name that is none": {"fast.whl": wheel()[1]},
    "another file": {"passwd": b""},
    "no archive": {NAME: b"PK"},
    "half an archive": {NAME: wheel()[1][:-9]},
    "other bytes than their sum": {NAME: wheel()[1].replace(b"ELF", b"FLE", 1)},
    "more than is allowed": {NAME: bomb()},
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_single_sound_wheel_is_refused(
    root: pathlib.Path, files: Mapping[str, bytes]
) -> None:
    lay_out(root)
    ended(root, None)
    for name, data in files.items():
        (at(root, compilers.WHEELS) / name).write_bytes(data)
    found = refused(root)
    assert (found.reason, found.terminal) == ("CompileFailed", True)


def test_a_link_is_not_followed(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lay_out(root)
    ended(root, None)
    name, data = wheel()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / name).write_bytes(data)
    (at(root, compilers.WHEELS) / name).symlink_to(tmp_path / "elsewhere" / name)
    assert refused(root).reason == "CompileFailed"
    (at(root, compilers.WHEELS) / name).unlink()
    at(root, compilers.WHEELS).rmdir()
    at(root, compilers.WHEELS).symlink_to(tmp_path / "elsewhere")
    assert refused(root).reason == "CompileFailed"


def test_a_pipe_is_not_read(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, None)
    os.mkfifo(at(root, compilers.WHEELS) / NAME)
    assert refused(root).reason == "CompileFailed"


def test_a_log_that_is_a_link_or_a_pipe_is_not_read(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, None, code="1")
    at(root, compilers.LOG).unlink()
    at(root, compilers.LOG).symlink_to("/etc/passwd")
    assert "root" not in str(refused(root))
    at(root, compilers.CODE).unlink()
    os.mkfifo(at(root, compilers.CODE))
    assert refused(root).reason == "BuildOutOfMemory"


def test_the_hash_is_of_what_is_in_a_wheel_and_not_of_how_it_is_packed(
    root: pathlib.Path,
) -> None:
    def hashed(files: Mapping[str, bytes | str], when: int = 1990) -> str:
        name, data = wheel(files)
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as read, zipfile.ZipFile(out, "w") as packed:
            for each in read.namelist():
                entry = zipfile.ZipInfo(each, (when, 1, 1, 0, 0, 0))
                packed.writestr(entry, read.read(each))
        ended(root, (name, out.getvalue()))
        return compiled.wheel(root=root).hash

    assert hashed(MADE) == hashed(MADE, 2000)
    assert hashed({**MADE, "plain.so": "FLE"}) != hashed(MADE)
    assert hashed({"a": "bc"}) != hashed({"ab": "c"})
