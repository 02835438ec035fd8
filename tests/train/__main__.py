"""`python -m tests.train [--quick]`: compare, write build/bench.json, fail outside the ranges."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.benches import figures
from tests.train import cases, ratios

EACH = ("train_ratio", "train_ratio_low", "train_samples_per_second", "accuracy")
ONCE = (
    "checkpoint_blocking_percent",
    "import_to_first_step_extra_seconds",
    "instrumentation_percent",
    "instrumentation_us_per_step",
)
NAMES = frozenset(
    {*ONCE, *(f"{each}_{f}_{m}" for each in EACH for f in cases.FRAMEWORKS for m in cases.EPOCHS)}
)
"""What a whole run of this bench finds."""


def main() -> int:
    """Run the bench; return 1 where a figure is outside its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short pair each; no verdict")
    parser.add_argument("--framework", choices=cases.FRAMEWORKS, help="only this one")
    asked = parser.parse_args()
    frameworks = (asked.framework,) if asked.framework else cases.FRAMEWORKS
    _say(f"load average {os.getloadavg()[0]:.2f}")
    runs = {each: _inside(each, quick=asked.quick) for each in frameworks}
    found = _figures(runs)
    merged = found if asked.quick else figures.merge(found)
    for name, value in merged.items():
        _say(f"{name:48} {value:10.3f}")
    if asked.quick:
        return 0
    whole = () if asked.framework else NAMES
    problems = figures.outside(found, figures.ranges("train"), whole=whole)
    for each in problems:
        _say(f"missed: {each}")
    return 1 if problems else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _inside(framework: str, *, quick: bool) -> Any:
    """Return what all runs in a framework's image printed."""
    file = figures.ROUNDS / f"train-{framework}.json"
    command = [sys.executable, "-m", "hack.images", "run", framework, "--", "python3"]
    command += ["-m", "tests.train.inside", framework, str(file)]
    subprocess.run([*command, *(["--quick"] if quick else [])], check=True, cwd=figures.ROOT)
    return json.loads(file.read_text(encoding="utf-8"))


def _figures(whole: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for framework, run in whole.items():
        for model, pairs in run["pairs"].items():
            speeds = [_both(pair, "samples_per_second") for pair in pairs]
            of = f"{framework}_{model}"
            found[f"train_ratio_{of}"] = ratios.median(speeds)
            found[f"train_ratio_low_{of}"] = ratios.low(speeds)
            found[f"train_samples_per_second_{of}"] = statistics.median(each[1] for each in speeds)
        for model, runs in run["learnt"].items():
            found[f"accuracy_{framework}_{model}"] = min(each["accuracy"] for each in runs)
    # The worst of the frameworks, each by the median of its pairs of the smallest model.
    parts = whole.values()
    found["import_to_first_step_extra_seconds"] = max(_later(run["pairs"]["cnn"]) for run in parts)
    found["instrumentation_us_per_step"] = max(
        run["instrumentation"]["us_per_step"] for run in parts
    )
    found["instrumentation_percent"] = max(run["instrumentation"]["percent"] for run in parts)
    found["checkpoint_blocking_percent"] = max(run["checkpointing"]["percent"] for run in parts)
    return found


def _both(pair: Any, name: str) -> tuple[float, float]:
    return pair["plain"][name], pair["ours"][name]


def _later(pairs: Any) -> float:
    both = [_both(pair, "first_step_seconds") for pair in pairs]
    return statistics.median(ours - plain for plain, ours in both)


if __name__ == "__main__":
    raise SystemExit(main())
