"""Images decoded for each epoch, by the plain scripts and by ours after one another."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

from tests.train import cases, programs

ROOT = pathlib.Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "build" / "bench" / "photos"
OURS = "ours"
UNITS = ("cpu_second", "second")
"""Other work on the machine changes what is done in a second more than what a CPU does in one."""


def rounds(framework: str, *, count: int) -> dict[str, list[dict[str, Any]]]:
    """Return what the scripts told in each round, by the set of images."""
    subprocess.run([sys.executable, "-m", "tests.train.photos", str(PHOTOS)], check=True)
    return {
        name: [_round(framework, name, number) for number in range(count)] for name in cases.FED
    }


def _round(framework: str, name: str, number: int) -> dict[str, Any]:
    """Run each script once; ours is the first in every other round."""
    order = [*cases.FED_BESIDE[framework], OURS]
    return {which: _run(which, framework, name) for which in (order, order[::-1])[number % 2]}


def _run(which: str, framework: str, name: str) -> dict[str, Any]:
    """Feed once, in a process of its own."""
    asked = [str(PHOTOS / name), "--size", str(cases.FED[name])]
    if which == OURS:
        command = [sys.executable, "-m", "tests.train.feeding", framework, *asked]
    else:
        script = ROOT / "examples" / "plain" / f"feed_{framework}.py"
        command = [sys.executable, str(script), *asked, *cases.FED_BESIDE[framework][which]]
    run = programs.answer(command)
    speed = {f"samples_per_{unit}": run["samples"] / run[f"{unit}s"] for unit in UNITS}
    said = ", ".join(f"{value:.0f} {unit}" for unit, value in speed.items())
    sys.stdout.write(f"{framework} {name} {which}: {said}\n")
    sys.stdout.flush()
    return {**run, **speed}
