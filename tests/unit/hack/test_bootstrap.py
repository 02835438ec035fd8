import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from hack.images import places

SCRIPT = places.ROOT / "hack" / "bootstrap.sh"
# A uv that says its version, and whose sync makes a .venv and leaves a line.
UV = """\
#!/bin/sh
case $1 in
--version) echo "uv {version} (somewhere)" ;;
sync) echo "$*" >>"$PWD/synced"; mkdir -p .venv/bin; ln -sf "{python}" .venv/bin/python ;;
esac
"""


class Machine:
    """A project with a lock, and a PATH of the test's own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.root = folder / "project"
        self.bin = folder / "bin"
        self.cache = folder / "cache"
        (self.root / "hack").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(SCRIPT, self.root / "hack")
        (self.root / "pyproject.toml").write_text("one")
        (self.root / "uv.lock").write_text("two")
        for name in ("awk", "cat", "cksum", "dirname", "ln", "mkdir", "mktemp", "mv", "rm", "sh"):
            (self.bin / name).symlink_to(str(shutil.which(name)))

    def install(self, program: pathlib.Path, text: str) -> pathlib.Path:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
        return program

    def uv(self, folder: pathlib.Path, version: str = "0.13.9") -> pathlib.Path:
        return self.install(folder / "uv", UV.format(version=version, python=sys.executable))

    def run(self) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "TRAINSHED_CACHE": str(self.cache)}
        argv = [str(self.bin / "sh"), str(self.root / "hack" / "bootstrap.sh")]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    @property
    def syncs(self) -> int:
        written = self.root / "synced"
        return len(written.read_text().splitlines()) if written.exists() else 0


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    return Machine(tmp_path)


def test_standard_output_is_uvs_path_and_nothing_else(machine: Machine) -> None:
    uv = machine.uv(machine.bin)
    assert machine.run().stdout == f"{uv}\n"


def test_the_environment_is_made_once(machine: Machine) -> None:
    machine.uv(machine.bin)
    machine.run()
    machine.run()
    assert machine.syncs == 1


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock"])
def test_a_changed_lock_makes_it_again(machine: Machine, name: str) -> None:
    machine.uv(machine.bin)
    machine.run()
    (machine.root / name).write_text("changed")
    machine.run()
    assert machine.syncs == 2


def test_an_environment_without_a_working_python_is_made_again(machine: Machine) -> None:
    machine.uv(machine.bin)
    machine.run()
    (machine.root / ".venv/bin/python").unlink()
    machine.run()
    assert machine.syncs == 2


def test_an_old_uv_gives_way_to_the_cached_one(machine: Machine) -> None:
    machine.uv(machine.bin, "0.4.30")
    cached = machine.uv(machine.cache / "uv" / "bin")
    assert machine.run().stdout == f"{cached}\n"


@pytest.mark.parametrize("version", ["0.8.0", "0.10.1", "1.0.0"])
def test_versions_are_compared_as_numbers(machine: Machine, version: str) -> None:
    uv = machine.uv(machine.bin, version)
    assert machine.run().stdout == f"{uv}\n"


def test_a_missing_uv_is_installed_from_the_package_index(machine: Machine) -> None:
    pip = UV.format(version="0.13.9", python=sys.executable)
    # `python3 -m venv FOLDER` of this machine gives a folder whose pip brings uv.
    venv = f"""\
#!/bin/sh
[ "$1" = -c ] && exit 0
mkdir -p "$3/bin"
cat >"$3/bin/pip" <<'PIP'
#!/bin/sh
cat >"${{0%/*}}/uv" <<'UV'
{pip}
UV
PIP
chmod +x "$3/bin/pip"; echo 'chmod +x "${{0%/*}}/uv"' >>"$3/bin/pip"
"""
    (machine.bin / "chmod").symlink_to(str(shutil.which("chmod")))
    machine.install(machine.bin / "python3", venv)
    done = machine.run()
    assert done.stdout == f"{machine.cache}/uv/bin/uv\n", done.stderr
    assert sorted(os.listdir(machine.cache)) == ["uv"]


def test_without_python_and_apt_it_says_what_to_do(machine: Machine) -> None:
    done = machine.run()
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Python 3 with its venv module must be installed first" in done.stderr
