"""Tests of the training library; those marked with a library's name need it: images have it."""

from __future__ import annotations

import importlib.util
import os
import pathlib

import hypothesis
import pytest

from images.trainer.tests import forking
from trainshed_trainer import context

# As in tests/conftest.py, which is not there where these tests run alone.
hypothesis.settings.register_profile("quick", max_examples=25, deadline=None, database=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("TRAINSHED_HYPOTHESIS", "quick"))


# What a test needs, as its marker; the images have them, this machine may not.
LIBRARIES = {"numpy": "NumPy", "tensorflow": "TensorFlow", "torch": "PyTorch"}
DEVICES = pathlib.Path("/dev")


def pytest_configure(config: pytest.Config) -> None:
    for module, name in LIBRARIES.items():
        config.addinivalue_line("markers", f"{module}: needs {name}, which the images have")
    config.addinivalue_line("markers", "gpu: needs an NVIDIA GPU that the framework can use")
    config.addinivalue_line("markers", "processes: starts programs, and waits for them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {name for name in LIBRARIES if importlib.util.find_spec(name) is None}
    for item in items:
        for module in sorted(missing.intersection(mark.name for mark in item.iter_markers())):
            reason = f"no {LIBRARIES[module]} here: `make test-trainer` has it"
            item.add_marker(pytest.mark.skip(reason=reason))
        if item.get_closest_marker("gpu") and not any(DEVICES.glob("nvidia[0-9]*")):
            item.add_marker(pytest.mark.skip(reason=f"no GPU here: no {DEVICES}/nvidia0"))


@pytest.fixture
def job(tmp_path: pathlib.Path) -> context.Context:
    return context.Context(job="digits", account_file=str(tmp_path / "account.json"))


servers_end = pytest.fixture(scope="session", autouse=True)(forking.served)
