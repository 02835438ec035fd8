"""Every example can be rendered: no field of them is one that the command does not know."""

from __future__ import annotations

import pathlib

import pytest

from trainshed.cli import manifests

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda each: each.stem)
def test_an_example_is_read(path: pathlib.Path) -> None:
    assert manifests.read(path, namespace="team-a").namespace == "team-a"
