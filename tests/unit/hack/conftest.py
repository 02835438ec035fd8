"""A cluster's folders, a console that says nothing, and a PATH of the test's own."""

import pathlib
from collections.abc import Callable

import pytest
import rich.console

from hack.cluster import console, settings


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> settings.Settings:
    state = tmp_path / "probe"
    state.mkdir()
    return settings.Settings("probe", state, tmp_path / "cache")


@pytest.fixture
def shown() -> console.Console:
    return console.Console(rich.console.Console(quiet=True))


@pytest.fixture
def on_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(*names: str) -> None:
        for name in names:
            (folder / name).touch(mode=0o755)

    return add
