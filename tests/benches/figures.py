"""Writes figures to build/bench.json and holds them to a bench's ranges.yaml."""

from __future__ import annotations

import json
import pathlib
import statistics
from collections.abc import Collection, Mapping
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench.json"
ROUNDS = ROOT / "build" / "bench"


def keep_rounds(name: str, rounds: list[float]) -> float:
    """Keep every round with median and range; return the median."""
    middle = statistics.median(rounds)
    summary = {"median": middle, "min": min(rounds), "max": max(rounds), "rounds": rounds}
    ROUNDS.mkdir(parents=True, exist_ok=True)
    (ROUNDS / f"{name}.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return middle


def merge(found: Mapping[str, float]) -> dict[str, float]:
    """Merge figures into build/bench.json and return all of them."""
    known = json.loads(BENCH.read_text(encoding="utf-8")) if BENCH.exists() else {}
    merged = dict(sorted({**known, **found}.items()))
    BENCH.parent.mkdir(parents=True, exist_ok=True)
    BENCH.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")
    return merged


def outside(
    found: Mapping[str, float],
    ranges: Mapping[str, Mapping[str, Any]],
    *,
    whole: Collection[str] = (),
) -> list[str]:
    """Return one sentence for each figure that is outside its range, or missing of a whole run."""
    missing = sorted(set(whole) - found.keys())
    problems = [f"{name} was not measured" for name in missing]
    for name, limits in ranges.items():
        if name not in found:
            continue
        value = found[name]
        if "max" in limits and value > limits["max"]:
            problems.append(f"{name} is {value:.3f}, at most {limits['max']} is allowed")
        if "min" in limits and value < limits["min"]:
            problems.append(f"{name} is {value:.3f}, at least {limits['min']} is allowed")
        if "times" in limits and value > limits["times"] * found[limits["of"]]:
            bound = limits["times"] * found[limits["of"]]
            problems.append(
                f"{name} is {value:.3f}, at most {bound:.3f} is allowed:"
                f" {limits['times']} times {limits['of']}"
            )
    return problems


def ranges(bench: str) -> dict[str, dict[str, Any]]:
    """Return the committed ranges of a bench, such as scale."""
    path = ROOT / "tests" / bench / "ranges.yaml"
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
