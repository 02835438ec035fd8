"""Bases and machine code of two architectures, told apart by the header of ELF files."""

from __future__ import annotations

import struct

from tests import package_index
from tests.unit.buildpod import roots
from tests.unit.registry import images

MACHINES = {"amd64": ("x86_64", 0x3E), "arm64": ("aarch64", 0xB7)}
"""The architecture's name in wheels, and its number in the header of ELF files."""
PLATFORMS = tuple(f"linux/{each}" for each in MACHINES)
SITE = "usr/lib/python3/dist-packages"


def shared_object(machine: int) -> bytes:
    """Return a file that begins as a 64-bit little-endian ELF of a machine."""
    return b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HH", 3, machine) + b"\0" * 44


def elf_machine(data: bytes) -> int:
    """Return the machine in the header of an ELF file."""
    assert data[:4] == b"\x7fELF"
    found: int = struct.unpack_from("<H", data, 18)[0]
    return found


def base(architecture: str) -> images.Image:
    """Return a base with Python, NumPy and glibc."""
    triplet = f"{MACHINES[architecture][0]}-linux-gnu"
    files = {
        "usr/bin/python3": b"\x7fELF",
        "usr/lib/python3.13/os.py": b"",
        f"usr/lib/{triplet}/libc.so.6": roots.GLIBC,
        f"{SITE}/numpy-2.2.4.dist-info/METADATA": roots.metadata("numpy", "2.2.4").encode(),
    }
    return images.image(files, platform=f"linux/{architecture}")


def bases() -> images.Image:
    """Return an index of both."""
    return images.index({f"linux/{each}": base(each) for each in MACHINES})


def wheels() -> list[tuple[str, bytes]]:
    """Return a package with machine code, one wheel for each architecture."""
    return [
        package_index.wheel(
            "fast",
            "1.0",
            {"fast.so": shared_object(number), "fast.py": f"# {architecture}"},
            tag=f"cp313-cp313-manylinux_2_28_{machine}",
        )
        for architecture, (machine, number) in MACHINES.items()
    ]
