"""The same change by us and by engines that run a Dockerfile, in turn, in one run."""

from __future__ import annotations

import os
import pathlib
import shutil
import time
from collections.abc import Sequence
from typing import Any

from hack.images import places
from tests.benches import figures
from tests.builds import engines, ours, scripts
from tests.builds.site import Site

PYTHON = "3.13"
"""Of the base image."""
PACKAGES = (
    "einops==0.8.1",
    "pandas==2.3.3",
    "matplotlib==3.10.7",
    "pyarrow==22.0.0",
    "polars==1.35.2",
)
"""Two of them first; then one more with each round."""
_LIBRARY = places.ROOT / "images" / "trainer" / "trainshed_trainer"


def first_step(
    site: Site, others: Sequence[engines.Engine], folder: pathlib.Path, *, rounds: int
) -> dict[str, float]:
    """Return the seconds from an edit to the first step, and how many times those the others take.

    Theirs: build, push, and the apply of a job of the ready image. And the same of the image alone.
    """
    mine: list[float] = []
    images: list[float] = []
    theirs: dict[str, list[float]] = {each.name: [] for each in others}
    built: dict[str, list[float]] = {each.name: [] for each in others}
    contexts = {each.name: context(folder / each.name, site.base) for each in others}
    for number in range(rounds + 1):
        name = f"step-{number}"
        edited = site.apply(name, ours.inline(name, name))
        mine.append(site.first_step(name) - edited)
        images.append(float(site.image(name)["seconds"]))
        for each in others:
            whole, image = _by(each, site, contexts[each.name], number)
            theirs[each.name].append(whole)
            built[each.name].append(image)
    return {
        **_compared("edit_to_first_step", mine[1:], {k: v[1:] for k, v in theirs.items()}),
        **_compared("edit_to_image", images[1:], {k: v[1:] for k, v in built.items()}),
    }


def requirements(
    site: Site,
    others: Sequence[engines.Engine],
    folder: pathlib.Path,
    *,
    index: str,
    rounds: int,
) -> dict[str, float]:
    """Return the seconds of an image with one more package, and how many times those of others."""
    mine: list[float] = []
    theirs: dict[str, list[float]] = {each.name: [] for each in others}
    contexts = {each.name: context(folder / each.name, site.base, index=index) for each in others}
    steps = min(rounds, len(PACKAGES) - 2)
    for number in range(steps + 1):
        wanted = list(PACKAGES[: 2 + number])
        name = f"packages-{number}"
        packages = {"packages": wanted, "index": index}
        spec = ours.inline(name, "packages", requirements=packages)
        began = site.apply(name, spec)
        site.image(name)
        mine.append(time.time() - began)
        for each in others:
            here = contexts[each.name]
            (here / "requirements.txt").write_text("\n".join(wanted) + "\n", encoding="utf-8")
            theirs[each.name].append(each.run(here, _reference(site, each, "packages")))
    return _compared("build_requirements", mine[1:], {k: v[1:] for k, v in theirs.items()})


def context(folder: pathlib.Path, base: str, *, index: str = "") -> pathlib.Path:
    """Return a folder that an engine builds: a Dockerfile, the training library, a script."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(scripts.dockerfile(base, index=index), encoding="utf-8")
    shutil.copytree(_LIBRARY, folder / "trainer" / "trainshed_trainer", dirs_exist_ok=True)
    if index:
        shutil.copy2(os.environ["UV"], folder / "uv")
    scripts.write(folder, "packages")
    return folder


def _by(
    engine: engines.Engine, site: Site, folder: pathlib.Path, number: int
) -> tuple[float, float]:
    """Return the seconds from an edit to the first step, and those of build and push in it."""
    name = f"{engine.name}-{number}"
    edited = time.time()
    scripts.write(folder, name)
    reference = _reference(site, engine, f"step-{number}")
    image = engine.run(folder, reference)
    spec: dict[str, Any] = {
        "framework": "pytorch",
        "image": {"ref": reference},
        "command": scripts.COMMAND,
    }
    site.apply(name, spec)
    return site.first_step(name) - edited, image


def _reference(site: Site, engine: engines.Engine, tag: str) -> str:
    return f"{site.pull}/bench/{site.name}-{engine.name}:{tag}"


def _compared(name: str, mine: list[float], theirs: dict[str, list[float]]) -> dict[str, float]:
    """Return our median and, for each engine, the median of what it took pair by pair."""
    found = {f"{name}_seconds": figures.keep_rounds(f"{name}_seconds", mine)}
    for engine, seconds in theirs.items():
        figures.keep_rounds(f"{name}_seconds_{engine}", seconds)
        ratios = [other / own for other, own in zip(seconds, mine, strict=True)]
        figure = f"{name}_ratio_{engine}"
        found[figure] = figures.keep_rounds(figure, ratios)
    return found
