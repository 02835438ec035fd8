"""`python -m tests.train [--quick] [--only PART]`: compare, write build/bench.json, and judge.

The exit code is 1 where a figure is outside its range or was not found.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.benches import figures
from tests.train import cases, ratios
from trainshed.workloads import environment

EACH = ("train_ratio", "train_ratio_low", "train_samples_per_second", "accuracy")
ONCE = (
    "checkpoint_blocking_percent",
    "import_to_first_step_extra_seconds",
    "instrumentation_percent",
    "instrumentation_us_per_step",
)
NAMES = frozenset(
    {
        *ONCE,
        *(f"{each}_{f}_{m}" for each in EACH for f in cases.FRAMEWORKS for m in cases.MODELS),
        *(f"feed_samples_per_cpu_second_{f}_{s}" for f in cases.FRAMEWORKS for s in cases.FED),
        *(
            f"feed_ratio_{f}_{s}_{which}"
            for f in cases.FRAMEWORKS
            for s in cases.FED
            for which in cases.FED_BESIDE[f]
        ),
    }
)
"""What a whole run of this bench finds."""


def main() -> int:
    """Run the bench; return 1 where a figure is outside its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short pair each; no verdict")
    parser.add_argument("--framework", choices=cases.FRAMEWORKS, help="only this one")
    parser.add_argument("--model", choices=cases.MODELS, action="append", help="only this one")
    parser.add_argument("--only", choices=cases.PARTS, action="append", help="only this part")
    asked = parser.parse_args()
    frameworks = (asked.framework,) if asked.framework else cases.FRAMEWORKS
    _say(f"load average {os.getloadavg()[0]:.2f}")
    options = [f"--only={part}" for part in asked.only or ()]
    options += [f"--model={model}" for model in asked.model or ()]
    options += ["--quick"] if asked.quick else []
    found = figures_of({each: _inside(each, options) for each in frameworks})
    merged = found if asked.quick else figures.merge(found)
    for name, value in merged.items():
        _say(f"{name:48} {value:10.3f}")
    if asked.quick:
        return 0
    whole = () if asked.framework or asked.only or asked.model else NAMES
    problems = figures.outside(found, figures.ranges("train"), whole=whole)
    for each in problems:
        _say(f"missed: {each}")
    return 1 if problems else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _inside(framework: str, options: Sequence[str]) -> Any:
    """Return what all runs in a framework's image printed."""
    file = figures.ROUNDS / f"train-{framework}{''.join(options)}.json"
    command = [sys.executable, "-m", "hack.images", "run", framework, "--", "python3"]
    command += ["-m", "tests.train.inside", framework, str(file)]
    # What a job has that says nothing of its training's length.
    command += ["--epochs", str(environment.DEFAULT_EPOCHS)]
    subprocess.run([*command, *options], check=True, cwd=figures.ROOT)
    return json.loads(file.read_text(encoding="utf-8"))


def figures_of(whole: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of those parts that have run."""
    found: dict[str, float] = {}
    for framework, run in whole.items():
        for model, pairs in run.get("pairs", {}).items():
            speeds = [_both(pair, "samples_per_second") for pair in pairs]
            of = f"{framework}_{model}"
            found[f"train_ratio_{of}"] = ratios.median(speeds)
            found[f"train_ratio_low_{of}"] = ratios.low(speeds)
            found[f"train_samples_per_second_{of}"] = statistics.median(each[1] for each in speeds)
        found |= _fed(framework, run.get("feeding", {}))
        for model, runs in run.get("learnt", {}).items():
            found[f"accuracy_{framework}_{model}"] = min(each["accuracy"] for each in runs)
    # Of the frameworks the worse one.
    pairs = [run["pairs"]["cnn"] for run in whole.values() if "cnn" in run.get("pairs", {})]
    costs = [run["costs"] for run in whole.values() if "costs" in run]
    if pairs:
        found["import_to_first_step_extra_seconds"] = max(map(_later, pairs))
    if costs:
        told = [each["instrumentation"] for each in costs]
        found["instrumentation_us_per_step"] = max(each["us_per_step"] for each in told)
        found["instrumentation_percent"] = max(each["percent"] for each in told)
        found["checkpoint_blocking_percent"] = max(
            each["checkpointing"]["percent"] for each in costs
        )
    return found


def _fed(framework: str, whole: Mapping[str, Any]) -> dict[str, float]:
    """Return what the CPU time of feeding tells: ours beside each plain script."""
    found = {}
    for name, rounds in whole.items():
        for which in cases.FED_BESIDE[framework]:
            speeds = [_both(each, "samples_per_cpu_second", beside=which) for each in rounds]
            found[f"feed_ratio_{framework}_{name}_{which}"] = ratios.median(speeds)
        own = statistics.median(each[1] for each in speeds)
        found[f"feed_samples_per_cpu_second_{framework}_{name}"] = own
    return found


def _both(pair: Any, name: str, *, beside: str = "plain") -> tuple[float, float]:
    return pair[beside][name], pair["ours"][name]


def _later(pairs: Any) -> float:
    both = [_both(pair, "first_step_seconds") for pair in pairs]
    return statistics.median(ours - plain for plain, ours in both)


if __name__ == "__main__":
    raise SystemExit(main())
