"""The fields of a spec by the names that a person has written, without what is secret."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from trainshed_trainer import schema

_SECRETS = re.compile(r"(?<=//)[^/@\s]*@|\?.*")
"""What a URI may tell of its owner: a password, a signature."""
Value = str | int | float | bool


def of(spec: schema.Spec) -> dict[str, Value]:
    """Return each field that has a value: its path in camelCase, and the value."""
    return dict(_flat(dataclasses.asdict(spec), ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, Value]]:
    if isinstance(value, dict):
        for key, each in value.items():
            first, *rest = key.rstrip("_").split("_")
            camel = first + "".join(part.capitalize() for part in rest)
            yield from _flat(each, f"{name}.{camel}" if name else camel)
    elif isinstance(value, tuple):
        yield name, ", ".join(map(str, value))
    elif isinstance(value, str):
        yield name, _SECRETS.sub("", value)
    elif value is not None:
        yield name, value
