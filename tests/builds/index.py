"""Real wheels for the bench's own package index: downloaded once, by their names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from tests import package_index
from tests.benches import figures

_FOLDER = figures.ROOT / "build" / "bench-builds" / "wheels"
_SECONDS = 900


def fetch(packages: Sequence[str], *, python: str) -> None:
    """Have the wheels of packages and of what they need, for an x86-64 Linux."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    command = [os.environ.get("UV", "uv"), "run", "--no-project", "--quiet", "--with", "pip"]
    command += ["python", "-m", "pip", "download", "--quiet", "--dest", str(_FOLDER)]
    command += ["--only-binary", ":all:", "--python-version", python]
    command += ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"]
    subprocess.run([*command, *packages], check=True, timeout=_SECONDS)


def fill(found: package_index.Index) -> None:
    """Have an index show the wheels."""
    found.add(*((each.name, each.read_bytes()) for each in sorted(_FOLDER.glob("*.whl"))))
