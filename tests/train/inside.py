"""`python3 -m tests.train.inside pytorch FILE`: all runs of one framework, in its image."""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from tests.train import cases, fed, programs

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIPS = ROOT / "build" / "bench" / "clips.npz"
PLAIN, OURS = "plain", "ours"


def main() -> None:
    """Run all parts that are asked for, and write what each run printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework", choices=cases.FRAMEWORKS)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, required=True, help="of each run that is to learn")
    parser.add_argument("--model", choices=cases.MODELS, action="append")
    parser.add_argument("--only", choices=cases.PARTS, action="append")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    asked.file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "tests.train.clips", str(CLIPS)], check=True)
    pairs: Mapping[str, int] = cases.PAIRS
    seeds = cases.SEEDS
    paired, learnt = cases.PAIR_EPOCHS, dict.fromkeys(cases.MODELS, asked.epochs)
    if asked.quick:
        pairs, seeds = dict.fromkeys(cases.MODELS, cases.QUICK_PAIRS), cases.QUICK_SEEDS
        paired = learnt = cases.QUICK
    only, found = asked.only or cases.PARTS, {}
    models = asked.model or cases.MODELS
    if "pairs" in only:
        found["pairs"] = {
            model: [
                _pair(asked.framework, model, paired[model], number)
                for number in range(pairs[model])
            ]
            for model in models
        }
    if "learnt" in only:
        found["learnt"] = {
            model: [
                _run(OURS, asked.framework, model, learnt[model], seed) for seed in range(seeds)
            ]
            for model in models
        }
    if "costs" in only:
        found["costs"] = {
            name: programs.answer([sys.executable, "-m", f"tests.train.{name}", asked.framework])
            for name in ("instrumentation", "checkpointing")
        }
    if "feeding" in only:
        found["feeding"] = fed.rounds(
            asked.framework, count=cases.QUICK_PAIRS if asked.quick else cases.FED_ROUNDS
        )
    asked.file.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def _pair(framework: str, model: str, epochs: int, number: int) -> dict[str, Any]:
    """Run plain and ours after one another, each first in every other pair."""
    order = (PLAIN, OURS) if number % 2 == 0 else (OURS, PLAIN)
    return {which: _run(which, framework, model, epochs, number) for which in order}


def _run(which: str, framework: str, model: str, epochs: int, seed: int) -> dict[str, Any]:
    """Train once, in a process of its own."""
    command = [*_command(which, framework, model), "--model", model]
    began = time.time()
    run = programs.answer([*command, "--epochs", str(epochs), "--seed", str(seed)])
    speed, accuracy = run["samples_per_second"], run["accuracy"]
    said = f"{framework} {model} {which}: {speed:.0f} samples/s, accuracy {accuracy:.4f}"
    sys.stdout.write(f"{said}, {run['seconds']:.1f} s of {time.time() - began:.1f} s\n")
    sys.stdout.flush()
    return {**run, "first_step_seconds": run["first_step_time"] - began}


def _command(which: str, framework: str, model: str) -> list[str]:
    if which == OURS:
        return [sys.executable, "-m", "tests.train.ours", "--framework", framework]
    script = ROOT / "examples" / "plain" / f"train_{framework}.py"
    clips = ["--data", str(CLIPS)] if model in cases.CLIPS else []
    return [sys.executable, str(script), *clips]


if __name__ == "__main__":
    main()
