"""The chart's classes, and nodes as clouds and plugins make them, each with its classes."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from trainshed.accelerators import classes
from trainshed.api import accelerator_class

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = ROOT / "charts" / "trainshed" / "files" / "classes"
CLOUDS = ROOT / "tests" / "unit" / "accelerators" / "clouds"
Body = dict[str, Any]
Told = Mapping[str, Any]
"""What a file says of a node: labels, taints, allocatable, classes, and resource and borne."""


def shipped() -> list[Body]:
    """Return the chart's classes as objects."""
    found = {}
    for path in sorted(FILES.glob("*.yaml")):
        found.update(yaml.load(path.read_bytes(), yaml.CSafeLoader))
    return [
        {
            "kind": accelerator_class.KIND,
            "metadata": {"name": name, "uid": name, "generation": 1},
            "spec": body,
        }
        for name, body in found.items()
    ]


SHIPPED = shipped()
CLASSES = {each.name: each for each in map(classes.read, SHIPPED)}


def nodes() -> Iterator[tuple[str, Told]]:
    """Yield every node of the files, by whose it is and what it is."""
    for path in sorted(CLOUDS.glob("*.yaml")):
        for name, told in yaml.load(path.read_bytes(), yaml.CSafeLoader)["nodes"].items():
            yield f"{path.stem}: {name}", told
