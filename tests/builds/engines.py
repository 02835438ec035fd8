"""Engines that build the same change by a Dockerfile, each with its own caches warm."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benches import figures

_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that builds a folder and pushes the image; `name` is the figures' suffix."""

    name: str
    build: Sequence[str]
    push: Sequence[str]
    """Before the reference."""
    target: str
    """Before the reference that it pushes to."""

    def run(self, folder: pathlib.Path, reference: str) -> float:
        """Build and push; return the seconds. Raises CalledProcessError."""
        began = time.monotonic()
        _call([*self.build, "--tag", reference, str(folder)])
        _call([*self.push, reference, *([f"{self.target}{reference}"] if self.target else [])])
        return time.monotonic() - began


def found() -> list[Engine]:
    """Return the engines that can be started here."""
    here = [each for each in (_buildah(), _docker()) if each is not None]
    if not here:
        raise TimeoutError("neither buildah nor docker can be started: install buildah")
    return here


def _buildah() -> Engine | None:
    if shutil.which("buildah") is None:
        return None
    # A store that stays from one run to the next: its caches are as warm as a person's.
    store = figures.ROOT / "build" / "bench-builds"
    program = ["buildah", "--root", str(store / "store"), "--runroot", str(store / "run")]
    return Engine(
        "buildah",
        [*program, "bud", "--isolation", "chroot", "--layers", "--tls-verify=false", "--quiet"],
        [*program, "push", "--tls-verify=false", "--quiet", "--compression-format", "zstd"],
        "docker://",
    )


def _docker() -> Engine | None:
    if shutil.which("docker") is None:
        return None
    # With buildx alone: the classic builder has no cache of packages that a RUN could mount.
    for asked in ("info", "buildx version"):
        answers = subprocess.run(
            ["docker", *asked.split()], capture_output=True, check=False, timeout=30
        )
        if answers.returncode != 0:
            return None
    return Engine("docker", ["docker", "build", "--quiet"], ["docker", "push", "--quiet"], "")


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    if done.returncode != 0:
        said = (done.stderr or done.stdout)[-1500:]
        raise TimeoutError(f"{' '.join(command[:2])} … ended with {done.returncode}: {said}")
