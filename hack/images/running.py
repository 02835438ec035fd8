"""Runs commands inside an image with the working tree, and with test tools beside it.

The published images have no test tools: they are unpacked on this machine for the image's
Python and mounted.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hack.images import catalogue, errors, places, programs
from hack.images.engines import base as engines

CHECKS = "hack/images/checks"
# What the images have themselves, built for their own libraries, and what only the operator's
# tests need.
_LEFT_OUT = ("kmock", "looptime", "numpy", "promql-parser", "scikit-learn")
_VERSION = "import sys; open(sys.argv[1], 'w').write('%d.%d' % sys.version_info[:2])"
_ENVIRONMENT = {
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Inside:
    """Runs commands in the images of one engine."""

    engine: engines.Engine
    lie: places.Places
    run: programs.Runner

    def command(
        self, image: catalogue.Image, argv: Sequence[str], *, environment: Mapping[str, str]
    ) -> int:
        """Run argv at the working tree's root, which is mounted; return its code."""
        tools = self._tools(image)
        path = ":".join([str(tools), str(self.lie.root / "images" / "trainer")])
        order = engines.Command(
            argv,
            mounts=(self.lie.root, tools),
            folder=str(self.lie.root),
            environment={**_ENVIRONMENT, "PYTHONPATH": path, **environment},
        )
        return self.engine.run(image.local, order)

    def check(self, image: catalogue.Image) -> int:
        """Run the image's own check in it, as the user of a pod; return its code."""
        self._found(image)
        folder = self.lie.root / CHECKS
        order = engines.Command(
            ["python3", "-P", str(folder / f"{image.name}.py")],
            mounts=(folder,),
            environment={"HOME": "/tmp"},
            user="65532:65532",
        )
        return self.engine.run(image.local, order)

    def _found(self, image: catalogue.Image) -> engines.Found:
        found = self.engine.find(image.local)
        if found is None:
            raise errors.Unavailable(
                f"the image {image.name} is not there: build it first "
                f"(`python -m hack.images build {image.name}`)"
            )
        return found

    def _tools(self, image: catalogue.Image) -> pathlib.Path:
        """Return the folder of test tools for the image's Python, filled if need be."""
        folder = self.lie.tests / catalogue.digest([self._found(image).id, self._locked()])[:16]
        if not folder.is_dir():
            self.lie.tests.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.lie.tests) as scratch:
                filled = self._fill(pathlib.Path(scratch), version=self._python(image, scratch))
                with contextlib.suppress(FileExistsError):  # another run was quicker
                    filled.rename(folder)
        return folder

    def _python(self, image: catalogue.Image, scratch: str) -> str:
        """Return the version of the image's Python, which says it itself."""
        said = pathlib.Path(scratch) / "version"
        argv = ["python3", "-c", _VERSION, str(said)]
        if self.engine.run(image.local, engines.Command(argv, mounts=(said.parent,))) != 0:
            raise errors.Unavailable(f"the image {image.name} has no Python that runs")
        return said.read_text("ascii")

    def _fill(self, scratch: pathlib.Path, *, version: str) -> pathlib.Path:
        requirements = scratch / "requirements.txt"
        requirements.write_text(self._locked(), "utf-8")
        target = scratch / "tools"
        install = [_uv(), "pip", "install", "--quiet", "--target", str(target)]
        install += ["--python-version", version, "--only-binary", ":all:", "--require-hashes"]
        self.run.output([*install, "--requirements", str(requirements)])
        return target

    def _locked(self) -> str:
        """Return the test tools as requirements, with hashes."""
        argv = [_uv(), "export", "--quiet", "--project", str(self.lie.root), "--frozen"]
        argv += ["--no-header", "--no-emit-project", "--only-group", "test"]
        return self.run.output([*argv, *(part for name in _LEFT_OUT for part in ("--prune", name))])


def _uv() -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise errors.Unavailable("uv is not in the PATH: run this by `uv run`")
    return uv
