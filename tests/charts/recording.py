"""Runs the chart's rules in the real promtool: series go in, and what is recorded comes out."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

PROMTOOL = shutil.which("promtool")
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Promtool:
    """The program, and the rules that it is given."""

    rules: Mapping[str, Any]
    folder: pathlib.Path

    def check(self) -> str:
        """Return what it says of the rules."""
        return self._run("check", "rules", str(self._written()))

    def recorded(self, series: Mapping[str, str], wanted: Mapping[str, Mapping[str, float]]) -> str:
        """Return how what is recorded differs from what is wanted, after two minutes; else nothing.

        `series`: values as promtool notes them, by series. `wanted`: by the name of a rule, values
        by their labels, all of them: what else is recorded is a difference.
        """
        expected = [
            {
                "expr": f"round({name}, 0.001)",
                "eval_time": "2m",
                "exp_samples": [
                    {"labels": labels, "value": value} for labels, value in samples.items()
                ],
            }
            for name, samples in wanted.items()
        ]
        given = [{"series": each, "values": values} for each, values in series.items()]
        test = {"interval": "15s", "input_series": given, "promql_expr_test": expected}
        tests = {"rule_files": [str(self._written())], "evaluation_interval": "15s"}
        path = self.folder / "tests.yaml"
        path.write_text(yaml.safe_dump({**tests, "tests": [test]}))
        said = self._run("test", "rules", str(path))
        return "" if "SUCCESS" in said else said

    def _written(self) -> pathlib.Path:
        path = self.folder / "rules.yaml"
        path.write_text(yaml.safe_dump(self.rules, width=1000))
        return path

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [PROMTOOL or "", *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout + done.stderr


def selector(name: str, labels: Labels) -> str:
    """Return a series as Prometheus writes it."""
    pairs = ", ".join(f"{label}={json.dumps(value)}" for label, value in labels.items())
    return f"{name}{{{pairs}}}"


def both(name: str, gpu: Labels, pod: Labels) -> Sequence[str]:
    """Return DCGM's series of a pod's GPU in both forms: scraped with honorLabels, and without."""
    exporter = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x"}
    kept = {f"exported_{label}": value for label, value in pod.items()}
    return selector(name, {**gpu, **pod}), selector(name, {**gpu, **exporter, **kept})
