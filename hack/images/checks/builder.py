"""Runs inside the builder image: a build pod's program is there, with git, ssh and uv."""

import os
import pathlib
import pwd
import subprocess
import sys

import trainshed.buildpod.__main__ as program
from trainshed.buildpod import makers


def main() -> None:
    """Say what was found."""
    assert callable(program.main)
    assert (makers.LIBRARY / "trainshed_trainer/__init__.py").is_file()
    assert pwd.getpwuid(65532).pw_name == "builder"
    said = [
        subprocess.run(command, capture_output=True, check=True, text=True)
        for command in (["git", "--version"], ["ssh", "-V"], ["uv", "--version"])
    ]
    versions = ", ".join((each.stdout or each.stderr).strip() for each in said)
    assert pathlib.Path(os.environ["PYTHONPATH"].partition(":")[0], "trainshed").is_dir()
    sys.stdout.write(f"builder: {versions}\n")


main()
