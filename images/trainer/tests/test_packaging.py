"""The library on its own: what pip installs."""

from __future__ import annotations

import email
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.processes
ROOT = pathlib.Path(__file__).resolve().parents[1]
UV = os.environ.get("UV") or shutil.which("uv")


@pytest.mark.skipif(UV is None, reason="no uv here, as in the images")
def test_the_wheel_is_typed_whole_and_runs_alone(tmp_path: pathlib.Path) -> None:
    subprocess.run(
        [UV or "", "build", "--wheel", "--quiet", "--out-dir", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = email.message_from_bytes(opened.read(metadata))
        opened.extractall(tmp_path / "site")

    assert "trainshed_trainer/py.typed" in names
    package = ROOT / "trainshed_trainer"
    assert {str(each.relative_to(ROOT)) for each in package.rglob("*.py")} <= names
    assert {"data", "metrics", "pytorch", "tensorflow"} <= set(told.get_all("Provides-Extra", []))
    code = "import trainshed_trainer.run; print(trainshed_trainer.run.__file__)"
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(tmp_path))
