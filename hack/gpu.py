"""`python -m hack.gpu`: runs the tests that need a GPU, where there is one.

Each framework's tests run in the first Python that has the framework: TRAINSHED_GPU_PYTHON, the
PATH's. PyTorch has one more, the environment that images/trainer's lock describes, which is made
in build/gpu-venv. What can't run is told, and is no failure; a GPU that a framework does not see
is one.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEVICES = pathlib.Path("/dev")
MODULES = {"pytorch": "torch", "tensorflow": "tensorflow"}
TOOLS = ("pytest", "hypothesis", "numpy")
CHOSEN = "TRAINSHED_GPU_PYTHON"


def cards(devices: pathlib.Path) -> list[str]:
    """Return the devices of NVIDIA's GPUs."""
    return sorted(path.name for path in devices.glob("nvidia[0-9]*"))


def command(framework: str, *, environment: Mapping[str, str]) -> list[str] | None:
    """Return the start of a command line that runs pytest beside a framework; None: there is none.

    The tests' own environment is passed over: neither framework is in it.
    """
    for python in pythons(environment):
        if _has(python, (MODULES[framework], *TOOLS)):
            return [python, "-m", "pytest"]
    if framework == "pytorch" and "UV" in environment:
        extras = [part for name in ("pytorch", "data", "metrics") for part in ("--extra", name)]
        project = ["--project", "images/trainer", "--frozen", *extras]
        return [environment["UV"], "run", *project, "python", "-m", "pytest"]
    return None


def pythons(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the Pythons that may have a framework."""
    if environment.get(CHOSEN):
        yield environment[CHOSEN]
        return
    own = pathlib.Path(sys.prefix, "bin")
    for folder in environment.get("PATH", "").split(os.pathsep):
        found = pathlib.Path(folder, "python3")
        if folder and pathlib.Path(folder) != own and os.access(found, os.X_OK):
            yield str(found)


def options(framework: str) -> list[str]:
    """Return pytest's options: with settings that any Python's pytest knows."""
    return [
        f"images/trainer/tests/test_gpu_{framework}.py",
        *("-c", os.devnull, "--rootdir", str(ROOT), "--import-mode=importlib"),
        *("-p", "no:cacheprovider", "--strict-markers", "-ra"),
        f"--junitxml=build/tests/test-gpu-{framework}.xml",
    ]


def main(devices: pathlib.Path = DEVICES) -> int:
    """Run the tests of each framework; return 1 where any failed."""
    if not cards(devices):
        _say(f"skipped: no GPU here: no {devices}/nvidia0")
        return 0
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "images/trainer"), str(ROOT)]),
        "UV_PROJECT_ENVIRONMENT": str(ROOT / "build/gpu-venv"),
    }
    environment.pop("VIRTUAL_ENV", None)
    failed = False
    for framework in MODULES:
        start = command(framework, environment=environment)
        if start is None:
            _say(f"{framework} skipped: no Python here has it: name one by {CHOSEN}")
            continue
        _say(f"{framework} by {' '.join(start)}")
        done = subprocess.run([*start, *options(framework)], cwd=ROOT, env=environment, check=False)
        failed |= done.returncode != 0
    return int(failed)


def _has(python: str, modules: Sequence[str]) -> bool:
    code = f"import importlib.util as i; raise SystemExit(not all(map(i.find_spec, {modules})))"
    # With nothing of this environment, which would be found in place of the Python's own.
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, check=False)
    return done.returncode == 0


def _say(text: str) -> None:
    print(f"test-gpu: {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
