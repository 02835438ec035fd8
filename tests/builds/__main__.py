"""`python -m tests.builds [--quick] [--only STAGE]`: measure, write build/bench.json, judge.

The exit code is 1 where a figure is outside its range, was not found, or a stage broke off.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hack import apiserver
from tests import git_server, package_index
from tests.benches import figures
from tests.builds import beside, engines, index, ours, site
from tests.scale import building, stages

ROUNDS = 5
EQUAL_JOBS = 100
NAMES = frozenset(
    {
        "build_branch_unchanged_seconds",
        "build_code_changed_seconds",
        "build_inline_seconds",
        "build_requirements_ratio_buildah",
        "build_requirements_seconds",
        "build_unchanged_seconds",
        "builds_for_100_equal_jobs",
        "edit_to_first_step_ratio_buildah",
        "edit_to_first_step_seconds",
        "edit_to_image_ratio_buildah",
        "edit_to_image_seconds",
    }
)
"""What a whole run of this bench finds."""
Found = dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """What every stage has."""

    here: site.Site
    folder: pathlib.Path
    rounds: int

    def unchanged(self) -> Found:
        """Measure the operator's own builder where the image exists."""
        seconds = asyncio.run(building.unchanged(self.here.push, self.here.pull))
        return _median("build_unchanged_seconds", seconds)

    def inline(self) -> Found:
        """Measure an edited inline script."""
        seconds = [ours.edited_inline(self.here, each) for each in range(self.rounds + 1)]
        return _median("build_inline_seconds", seconds[1:])

    def git(self) -> Found:
        """Measure a branch with a new commit, and with none; then count equal jobs' builds."""
        with git_server.serve(self.folder / "served", host=self.here.host) as server:
            repository = server.repository("code")
            measure = functools.partial(ours.of_branch, self.here, server, repository)
            pairs = [measure(each) for each in range(self.rounds)]
            url = f"{server.url}/code/.git"
            builds = ours.equal_jobs(self.here, url, count=EQUAL_JOBS)
        return {
            **_median("build_code_changed_seconds", [each[0] for each in pairs]),
            **_median("build_branch_unchanged_seconds", [each[1] for each in pairs]),
            "builds_for_100_equal_jobs": builds,
        }

    def first_step(self) -> Found:
        """Measure from the edit to the first step, beside every engine."""
        return beside.first_step(self.here, engines.found(), self.folder, rounds=self.rounds)

    def requirements(self) -> Found:
        """Measure one more package, beside every engine, all with uv."""
        index.fetch(beside.PACKAGES, python=beside.PYTHON)
        with package_index.serve(self.folder, host=self.here.host) as found:
            index.fill(found)
            make = functools.partial(beside.requirements, self.here, engines.found(), self.folder)
            return make(index=found.url, rounds=self.rounds)


STAGES: Mapping[str, Callable[[Bench], Found]] = {
    "unchanged": Bench.unchanged,
    "inline": Bench.inline,
    "git": Bench.git,
    "first-step": Bench.first_step,
    "requirements": Bench.requirements,
}


def main() -> int:
    """Run the bench; return 1 where a figure is outside its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--only", choices=STAGES, action="append", help="only this stage")
    asked = parser.parse_args()
    shown = subprocess.run(
        [sys.executable, "-m", "hack.cluster", "info", "-o", "json"],
        check=True,
        stdout=subprocess.PIPE,
    )
    info: dict[str, Any] = json.loads(shown.stdout)
    api = apiserver.ApiServer.from_kubeconfig(info["kubeconfig"])
    stages.say(f"load average {os.getloadavg()[0]:.2f}")
    found: Found = {}
    broken = []
    for name in asked.only or STAGES:
        try:
            found |= _stage(name, api, info, rounds=2 if asked.quick else ROUNDS)
        except (*stages.TROUBLE, subprocess.SubprocessError) as error:
            broken.append(f"{name} broke off: {error}")
    whole = () if asked.quick or asked.only else NAMES
    problems = [*broken, *figures.outside(found, figures.ranges("builds"), whole=whole)]
    for each in problems:
        stages.say(f"missed: {each}")
    return 1 if problems else 0


def _stage(name: str, api: apiserver.ApiServer, info: Mapping[str, Any], *, rounds: int) -> Found:
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(site.opened(api, info))
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        new = STAGES[name](Bench(here, folder, rounds))
    figures.merge(new)
    for each, value in new.items():
        stages.say(f"{each:40} {value:10.3f}")
    return new


def _median(name: str, rounds: list[float]) -> Found:
    return {name: figures.keep_rounds(name, rounds)}


if __name__ == "__main__":
    raise SystemExit(main())
