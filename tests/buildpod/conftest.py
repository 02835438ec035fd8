"""What tests of a build pod's parts share: the pinned uv is on the PATH, as in the pod."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest
import uv

from tests import package_index


@pytest.fixture(autouse=True)
def uv_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the uv of the test dependencies be the one that is called."""
    folder = pathlib.Path(uv.find_uv_bin()).parent
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.fixture
def index(tmp_path: pathlib.Path) -> Iterator[package_index.Index]:
    """Serve an empty index."""
    with package_index.serve(tmp_path) as found:
        yield found
