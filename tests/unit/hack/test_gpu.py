"""Which Python runs the tests that need a GPU."""

from __future__ import annotations

import pathlib

import pytest

from hack import gpu


def python(folder: pathlib.Path, *, has: bool) -> str:
    """Return a program that answers as a Python with or without the framework would."""
    folder.mkdir()
    found = folder / "python3"
    found.write_text(f"#!/bin/sh\nexit {0 if has else 1}\n")
    found.chmod(0o755)
    return str(found)


def test_a_machine_without_a_gpu_says_so(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "null").touch()

    assert gpu.main(tmp_path) == 0
    assert "test-gpu: skipped: no GPU here" in capsys.readouterr().out


def test_gpus_are_told_from_what_else_the_driver_makes(tmp_path: pathlib.Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()

    assert gpu.cards(tmp_path) == ["nvidia0", "nvidia1"]


def test_the_first_python_with_the_framework_is_taken(tmp_path: pathlib.Path) -> None:
    without = python(tmp_path / "a", has=False)
    having = python(tmp_path / "b", has=True)
    path = f"{tmp_path / 'a'}:{tmp_path / 'none'}::{tmp_path / 'b'}"

    assert list(gpu.pythons({"PATH": path})) == [without, having]
    assert gpu.command("tensorflow", environment={"PATH": path}) == [having, "-m", "pytest"]


def test_a_python_that_is_named_is_the_only_one_asked(tmp_path: pathlib.Path) -> None:
    python(tmp_path / "a", has=True)
    named = python(tmp_path / "b", has=False)
    environment = {"PATH": str(tmp_path / "a"), gpu.CHOSEN: named}

    assert gpu.command("tensorflow", environment=environment) is None


def test_pytorch_is_installed_from_the_lock_where_no_python_has_it() -> None:
    found = gpu.command("pytorch", environment={"PATH": "", "UV": "/opt/uv"})

    assert found is not None
    assert found[:4] == ["/opt/uv", "run", "--project", "images/trainer"]
    assert found[-3:] == ["python", "-m", "pytest"]
