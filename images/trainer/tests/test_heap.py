"""Large blocks that are freed are had again at no cost. In a process of its own: it stays so."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from trainshed_trainer import heap

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has this habit"),
]
MEGABYTES = 64
PROGRAM = f"""
    import resource
    from trainshed_trainer import heap
    heap.keep()
    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        b"x" * ({MEGABYTES} << 20)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    faults()
    print(faults())
"""


def faults(**more: str) -> int:
    """Return the page faults of a block, the second one of its size."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **more}
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return int(found.stdout)


def test_a_block_that_is_freed_is_had_again_without_new_pages() -> None:
    assert faults() < MEGABYTES


def test_what_the_user_has_set_is_left_alone() -> None:
    assert faults(MALLOC_ARENA_MAX="2") > MEGABYTES


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    heap.keep({})
