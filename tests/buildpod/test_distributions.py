"""Packages as layers: split by distribution, and the same on every machine."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import pathlib
import subprocess
import sys
import tarfile
from collections.abc import Sequence

import pytest
import zstandard

from tests import package_index
from trainshed.buildpod import distributions, failing, installing, resolving, uv
from trainshed.builds import inventories, layers, stored

wheel = package_index.wheel
BASE = inventories.Inventory(python="3.13", platform="x86_64-manylinux_2_40", site="/s")
BIG = "x" * distributions.BIG


def installed(index: package_index.Index, work: pathlib.Path, *wanted: str) -> pathlib.Path:
    """Install by the real uv, as a build pod does."""
    program = uv.Uv(uv.Index(index.url), work=work, retries=0)
    file = work / "wanted.in"
    file.write_text("".join(f"{each}\n" for each in wanted))
    lock = work / "lock"
    lock.write_text(program.compile(file, *resolving.target(BASE)))
    folder = work / "packages"
    folder.mkdir()
    program.install(lock, folder, *resolving.target(BASE))
    distributions.check(folder, limit=1 << 30)
    distributions.tidy(folder)
    return folder


def apart(
    index: package_index.Index,
    work: pathlib.Path,
    *wanted: str,
    room: int = 100,
    calls: list[str] | None = None,
) -> installing.Installed:
    """Install as a build pod does: the big ones each in a folder of its own."""
    program = uv.Uv(uv.Index(index.url), work=work, retries=0)
    file = work / "wanted.in"
    file.write_text("".join(f"{each}\n" for each in wanted))
    options = resolving.target(BASE)
    lock = program.compile(file, *options)

    def install(lock: pathlib.Path, folder: pathlib.Path) -> None:
        if calls is not None:
            calls.append(folder.name)
        program.install(lock, folder, *options)

    installer = installing.Installer(work, install)
    return installer.run(lock, room=room, limit=1 << 30, beside={})


def packed(found: installing.Installed) -> list[layers.Layer]:
    return [
        stored.pack(
            folder,
            distributions.sizes(folder),
            prefix="/p",
            compression="zstd",
            out=found.rest.with_name(f"layer-{folder.name}"),
        )
        for folder in (*found.alone.values(), found.rest)
    ]


def stock(index: package_index.Index) -> None:
    index.add(
        wheel("heavy", "1.0", {"heavy/__init__.py": BIG}),
        wheel("weighty", "1.0", {"weighty/__init__.py": BIG + BIG}),
        wheel("tool", "1.0", scripts={"tool": "tool:main"}),
        wheel("hooked", "1.0", {"hooked.pth": "import sys; sys.hooked = True\n"}),
    )


def test_two_machines_make_the_same_layers(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    found = []
    # One of these paths is too long for the first line of a script.
    for name in ("a", "a folder" * 30):
        work = tmp_path / name
        work.mkdir()
        folders = apart(index, work, "heavy", "weighty", "tool", "hooked")
        found.append([each.diff_id for each in packed(folders)])

    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_a_program_is_started_by_the_base_and_its_record_says_so(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    folder = installed(index, tmp_path, "tool")
    script = (folder / "bin/tool").read_bytes()
    record = (folder / "tool-1.0.dist-info/RECORD").read_text()

    assert script.startswith(b"#!/usr/bin/env python3\n")
    assert str(tmp_path).encode() not in script
    size = {row[0]: row[2] for row in csv.reader(record.splitlines()) if row}["bin/tool"]
    assert int(size) == len(script)


def test_nothing_of_an_installation_tells_of_its_machine_or_time(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    folder = installed(index, tmp_path, "heavy", "tool")
    names = sorted(each.name for each in folder.rglob("*") if each.is_file())
    assert names == ["METADATA", "METADATA", "RECORD", "RECORD", "WHEEL", "WHEEL",
                     "__init__.py", "entry_points.txt", "tool", "tool.py"]  # fmt: skip


def test_big_distributions_have_a_layer_of_their_own_and_the_rest_shares_one(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    found = apart(index, tmp_path, "heavy", "weighty", "tool")

    assert list(found.alone) == ["heavy", "weighty"]
    of_heavy, rest = distributions.sizes(found.alone["heavy"]), distributions.sizes(found.rest)
    assert {"heavy/__init__.py", "heavy-1.0.dist-info/RECORD"} <= of_heavy.keys()
    assert "bin/tool" in rest
    assert not [each for each in rest if each.startswith(("heavy", "weighty"))]


def contents(folder: pathlib.Path) -> dict[str, tuple[bytes, int]]:
    """Return bytes and mode of each file that goes into an image."""
    found = {name: folder / name for name in distributions.sizes(folder)}
    return {name: (each.read_bytes(), each.stat().st_mode) for name, each in found.items()}


@pytest.mark.parametrize(
    ("other", "installs"),
    [("tool", 1), ("sharing", 3)],
    ids=["shares nothing", "shares a file"],
)
def test_a_big_distribution_and_the_rest_have_what_each_has_alone(
    index: package_index.Index, tmp_path: pathlib.Path, other: str, installs: int
) -> None:
    stock(index)
    index.add(wheel("sharing", "1.0", {"heavy/__init__.py": "otherwise"}))
    for name in ("together", "heavy", "other"):
        (tmp_path / name).mkdir()
    calls: list[str] = []
    found = apart(index, tmp_path / "together", "heavy", other, calls=calls)

    assert contents(found.alone["heavy"]) == contents(installed(index, tmp_path / "heavy", "heavy"))
    assert contents(found.rest) == contents(installed(index, tmp_path / "other", other))
    assert len(calls) == installs


def test_nothing_is_moved_where_a_file_is_there_that_no_record_names(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    folder = installed(index, tmp_path, "heavy", "tool")
    (folder / "heavy/stray.py").write_text("")
    before = contents(folder)

    assert not distributions.part(folder, {"heavy": tmp_path / "heavy"})
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("room", "names"), [(2, ["heavy", "weighty"]), (1, ["weighty"]), (0, []), (-3, [])]
)
def test_where_layers_are_few_the_largest_have_them(
    index: package_index.Index, tmp_path: pathlib.Path, room: int, names: Sequence[str]
) -> None:
    stock(index)
    found = apart(index, tmp_path, "heavy", "weighty", "tool", room=room)
    assert list(found.alone) == names


def test_another_package_leaves_the_big_layers_as_they_are(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    before = packed(apart(index, tmp_path / "a", "heavy", "tool"))
    after = packed(apart(index, tmp_path / "b", "heavy", "tool", "weighty"))

    assert before[0].digest == after[0].digest
    assert before[-1].digest == after[-1].digest


def test_a_layer_holds_what_its_digests_say_and_imports(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    folder = installed(index, tmp_path, "tool", "hooked")
    out = tmp_path / "layer"
    layer = stored.pack(
        folder,
        distributions.sizes(folder),
        prefix="/opt/p",
        compression="zstd",
        out=out,
        extra={"/usr/lib/x.pth": b"line\n"},
    )
    data = out.read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        tar = reader.read()
    assert layers.digest(data) == layer.digest
    assert layers.digest(tar) == layer.diff_id
    assert len(data) == layer.size
    root = tmp_path / "root"
    (root.with_suffix(".tar")).write_bytes(tar)
    with tarfile.open(root.with_suffix(".tar")) as opened:
        entries = opened.getmembers()
        opened.extractall(root, filter="data")
    assert {each.mtime for each in entries} == {0}
    assert {each.mode for each in entries if each.isfile()} == {0o644, 0o755}
    assert (root / "usr/lib/x.pth").read_text() == "line\n"
    site = f"import site, sys; site.addsitedir({str(root / 'opt/p')!r}); import tool"
    command = [sys.executable, "-S", "-c", f"{site}; print(tool.V, sys.hooked)"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "1.0 True\n"


def test_gzip_and_zstd_hold_the_same(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    made = [
        stored.pack(tmp_path, ["a"], prefix="/p", compression=each, out=tmp_path / each)
        for each in ("zstd", "gzip")
    ]
    assert made[0].diff_id == made[1].diff_id
    assert made[0].media_type != made[1].media_type


def test_a_stored_layer_is_the_one_that_memory_would_hold(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.py").write_bytes(b"1")
    (tmp_path / "run").write_bytes(b"2")
    (tmp_path / "run").chmod(0o755)
    out = stored.pack(tmp_path, ["run", "lib/a.py"], prefix="/p/q", compression="gzip",
                      out=tmp_path / "out")  # fmt: skip
    held = layers.pack({"lib/a.py": b"1", "run": layers.Program(b"2")}, prefix="/p/q",
                       compression="gzip")  # fmt: skip
    assert out.diff_id == held.diff_id


@pytest.mark.parametrize(
    ("files", "scripts"),
    [
        ({"../../escaped.py": "bad"}, {}),
        ({"escape-1.0.data/data/../../../escaped.py": "bad"}, {}),
        ({"escape-1.0.data/scripts/../../../escaped.py": "#!python"}, {}),
        ({}, {"../../escaped.py": "escape:main"}),
    ],
    ids=["file", "data", "script", "entry point"],
)
def test_no_file_of_a_wheel_gets_out_of_its_folder(
    index: package_index.Index,
    tmp_path: pathlib.Path,
    files: dict[str, bytes | str],
    scripts: dict[str, str],
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    index.add(wheel("escape", "1.0", {**files, "escape.py": ""}, scripts=scripts))
    with contextlib.suppress(failing.BuildFailed):
        installed(index, work, "escape")

    got_out = [
        each
        for each in tmp_path.rglob("escaped.py")
        if not each.is_relative_to(work / "packages") and not each.is_relative_to(work / "uv/cache")
    ]
    assert got_out == []


@pytest.mark.parametrize("name", [".wh.numpy", "pkg/.wh..wh..opq", "pkg/a\nb.py"])
def test_a_file_that_would_hide_one_of_the_base_is_refused(
    tmp_path: pathlib.Path, name: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with pytest.raises(failing.BuildFailed) as told:
        distributions.check(tmp_path, limit=1 << 20)
    assert told.value.reason == "PackageInvalid"


def test_a_link_among_packages_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "leak").symlink_to("/etc/passwd")
    with pytest.raises(failing.BuildFailed, match="'leak', which is no plain file"):
        distributions.check(tmp_path, limit=1 << 20)


def test_packages_that_are_too_large_are_named(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    folder = installed(index, tmp_path, "heavy", "weighty")
    with pytest.raises(failing.BuildFailed) as told:
        distributions.check(folder, limit=1000)

    assert told.value.reason == "RequirementsTooLarge"
    assert str(told.value).index("weighty") < str(told.value).index("heavy")


def test_a_package_whose_bytes_are_not_the_locks_is_refused(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(wheel("moved", "1.0"))
    lock = tmp_path / "lock"
    lock.write_text(f"moved==1.0 --hash=sha256:{hashlib.sha256(b'other').hexdigest()}\n")
    program = uv.Uv(uv.Index(index.url), work=tmp_path, retries=0)
    with pytest.raises(failing.BuildFailed) as told:
        program.install(lock, tmp_path / "packages", *resolving.target(BASE))
    assert (told.value.reason, told.value.terminal) == ("PackageInvalid", True)
