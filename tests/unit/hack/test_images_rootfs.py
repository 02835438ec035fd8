import dataclasses
import pathlib
from collections.abc import Iterator

import pytest

from hack.images import machine, rootfs

CARRIED = machine.Machine(
    mirror="http://mirror.example/debian",
    security="http://mirror.example/security",
    apt='Acquire::Retries "3";\n',
    authorities=("one", "two"),
)


def test_the_machines_settings_are_written_into_the_tree(tmp_path: pathlib.Path) -> None:
    rootfs.carry(tmp_path, CARRIED)
    written = {
        str(path.relative_to(tmp_path)): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert written == {
        "etc/apt/sources.list": (
            "deb http://mirror.example/debian trixie main\n"
            "deb http://mirror.example/debian trixie-updates main\n"
            "deb http://mirror.example/security trixie-security main\n"
        ),
        "etc/apt/apt.conf.d/90machine": 'Acquire::Retries "3";\n',
        "usr/local/share/ca-certificates/machine-0.crt": "one",
        "usr/local/share/ca-certificates/machine-1.crt": "two",
    }


def test_slimming_empties_folders_and_keeps_them(tmp_path: pathlib.Path) -> None:
    for name in ("usr/share/doc/bash/README", "var/log/apt/term.log", "usr/bin/python3"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    (tmp_path / "usr/share/doc/link").symlink_to("bash")
    rootfs.slim(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in leaves(tmp_path)) == [
        "usr/bin/python3",
        "usr/share/doc",
        "var/log",
    ]


@pytest.mark.parametrize(
    "changed",
    [{"mirror": "m"}, {"security": None}, {"apt": ""}, {"pip": "p"}, {"uv": "u"}],
    ids=str,
)
def test_a_change_of_any_setting_changes_the_inputs(changed: dict[str, str | None]) -> None:
    other = dataclasses.replace(CARRIED, **changed)  # type: ignore[arg-type]
    assert rootfs.inputs(other) != rootfs.inputs(CARRIED)


def leaves(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for path in folder.rglob("*"):
        if path.is_file() or not any(path.iterdir()):
            yield path
