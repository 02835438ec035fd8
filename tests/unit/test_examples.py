"""The scripts in examples/: the same on a laptop and in a job."""

from __future__ import annotations

import pathlib

import pytest
import yaml

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
FRAMEWORKS = ("pytorch", "tensorflow")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_job_runs_the_script_as_it_is(framework: str) -> None:
    script = EXAMPLES / f"run_{framework}.py"
    job = yaml.safe_load((EXAMPLES / f"run-{framework}.yaml").read_text(encoding="utf-8"))

    assert job["spec"]["source"]["inline"]["files"] == {script.name: script.read_text("utf-8")}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_script_has_at_most_15_lines(framework: str) -> None:
    script = (EXAMPLES / f"run_{framework}.py").read_text(encoding="utf-8")

    assert len(script.splitlines()) <= 15
