"""Registries that are down or refuse: a reason within seconds."""

from __future__ import annotations

import pathlib

import pytest

from hack.cluster import registries
from tests.e2e import conftest

SECONDS = 10.0
"""The registry's refusal is knowable once it was asked; it is asked at once."""


@pytest.fixture
def address(info: conftest.Body) -> str:
    """Return where a test may run a registry of its own; the demo's settings allow it."""
    return f"{info['registry']['pull'].partition(':')[0]}:5001"


def test_a_registry_that_is_down(namespace: conftest.Namespace, address: str) -> None:
    spec = conftest.script("print(1)", image={"base": f"{address}/some/base:1"})
    namespace.apply("down", spec)

    message = namespace.told("down", "ImageReady", "RegistryUnavailable", seconds=SECONDS)

    assert address in message


def test_a_registry_that_refuses(
    namespace: conftest.Namespace, address: str, tmp_path: pathlib.Path
) -> None:
    locked = registries.Credentials("somebody", "else")
    spec = conftest.script("print(1)", image={"base": f"{address}/some/base:1"})
    with registries.started(tmp_path / "locked", address=address, credentials=locked):
        namespace.apply("locked", spec)
        message = namespace.told("locked", "ImageReady", "RegistryUnauthorized", seconds=SECONDS)
        assert address in message
