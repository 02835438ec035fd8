"""Tests of the training library; those marked `torch` need PyTorch, so they run in its image."""

from __future__ import annotations

import importlib.util
import os
import pathlib

import hypothesis
import pytest

from trainshed_trainer import context

# As in tests/conftest.py, which is not there where these tests run alone.
hypothesis.settings.register_profile("quick", max_examples=40, deadline=None, database=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("TRAINSHED_HYPOTHESIS", "quick"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torch: needs PyTorch; runs inside the image")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("torch") is not None:
        return
    for item in items:
        if item.get_closest_marker("torch"):
            item.add_marker(pytest.mark.skip(reason="no PyTorch here: `make test-trainer` has it"))


@pytest.fixture
def job(tmp_path: pathlib.Path) -> context.Context:
    return context.Context(job="digits", account_file=str(tmp_path / "account.json"))
