"""The binding of NVIDIA's library, against one that is compiled for the test."""

from __future__ import annotations

import ctypes
import pathlib
import shutil
import subprocess
from typing import Any

import pytest

from trainshed_trainer import nvml

SOURCE = pathlib.Path(__file__).with_name("fake_nvml.c")
COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")


@pytest.fixture
def fake_nvml(tmp_path: pathlib.Path) -> str:
    """Return the path of a library of its own: each test changes it."""
    found = tmp_path / "libfake-nvml.so"
    subprocess.run([COMPILER or "", "-shared", "-fPIC", "-o", found, SOURCE], check=True)
    return str(found)


def opened(path: str) -> nvml.Library:
    found = nvml.load(path)
    assert found is not None
    return found


def test_no_library_is_no_gpu() -> None:
    assert nvml.load("libnvidia-ml-that-is-nowhere.so.1") is None


def test_a_driver_that_lacks_what_is_needed_says_what() -> None:
    libc = "libc.so.6"

    with pytest.raises(nvml.NvmlError, match="nvmlInit_v2 is not in"):
        nvml.load(libc)


@needs_compiler
def test_gpus_of_other_containers_are_passed_over(fake_nvml: str) -> None:
    library = opened(fake_nvml)

    assert [library.uuid(each) for each in library.devices()] == ["GPU-whole", "GPU-cut"]


@needs_compiler
def test_a_gpu_tells_all_in_our_units(fake_nvml: str) -> None:
    library = opened(fake_nvml)
    whole, _ = library.devices()

    assert list(library.parts(whole)) == []
    assert library.memory(whole) == (12 * 2**30, 80 * 2**30)
    assert library.power(whole) == 312.5
    assert library.utilization(whole) == 0.97
    before, after = library.energy(whole), library.energy(whole)
    assert before is not None
    assert after is not None
    assert after - before == 5_000_000.0, "more joules than 32 bits of millijoules hold"


@needs_compiler
def test_an_instance_of_mig_tells_its_memory_alone(fake_nvml: str) -> None:
    library = opened(fake_nvml)
    _, cut = library.devices()

    parts = list(library.parts(cut))

    assert [library.uuid(each) for each in parts] == ["MIG-first", "MIG-second"]
    assert library.memory(parts[0]) is not None
    assert library.power(parts[0]) is None
    assert library.utilization(parts[0]) is None
    assert library.energy(parts[0]) is None


@needs_compiler
def test_a_gpu_that_fails_says_so_in_the_drivers_words(fake_nvml: str) -> None:
    library = opened(fake_nvml)
    whole, _ = library.devices()
    lose: Any = ctypes.CDLL(fake_nvml).fake_lose
    lose()

    with pytest.raises(nvml.NvmlError, match="nvmlDeviceGetMemoryInfo: GPU is lost"):
        library.memory(whole)
