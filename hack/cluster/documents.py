"""Writes configuration files: only when their text changed, and whole or not at all."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Document = Mapping[str, Any]


def dump(document: Document | Sequence[Document]) -> str:
    """Return the document, or several, as YAML."""
    several = [document] if isinstance(document, Mapping) else list(document)
    return yaml.safe_dump_all(several, sort_keys=False, width=100)


def to_json(document: Document | Sequence[Any]) -> str:
    """Return the document as JSON for people to read."""
    return json.dumps(document, indent=2) + "\n"


def write(path: pathlib.Path, text: str, *, mode: int = 0o644) -> pathlib.Path:
    """Make the file hold text, and return its path."""
    if path.exists() and path.read_text("utf-8") == text:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    fresh.replace(path)
    return path


def write_yaml(path: pathlib.Path, document: Document | Sequence[Document]) -> pathlib.Path:
    return write(path, dump(document))


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """Return the file's object, or an empty one where there is no file."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}
