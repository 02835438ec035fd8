"""Checks a document against the CRD's own schema, as the API server would."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainshed.api import crd

Schema = Mapping[str, Any]
DOCUMENT = crd.render()
ROOT: Schema = DOCUMENT["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
SPEC: Schema = ROOT["properties"]["spec"]
STATUS: Schema = ROOT["properties"]["status"]
_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def faults(document: Any, schema: Schema, path: str = "") -> list[str]:
    """Return what the API server would refuse in a document."""
    json.dumps(document, allow_nan=False).encode("utf-8")
    return list(_faults(document, schema, path))


def _faults(value: Any, schema: Schema, path: str) -> Iterator[str]:
    kind = schema.get("type")
    if kind is not None and (
        not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")
    ):
        yield f"{path}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        yield from _object_faults(value, schema, path)
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", math.inf):
            yield f"{path}: too many items"
        for index, each in enumerate(value):
            yield from _faults(each, schema["items"], f"{path}[{index}]")
    elif isinstance(value, str):
        yield from _string_faults(value, schema, path)
    elif isinstance(value, int | float):
        yield from _number_faults(value, schema, path)


def _object_faults(value: Mapping[str, Any], schema: Schema, path: str) -> Iterator[str]:
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    if len(value) > schema.get("maxProperties", math.inf):
        yield f"{path}: too many properties"
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is required"
    for name, each in value.items():
        if name in properties:
            yield from _faults(each, properties[name], f"{path}.{name}")
        elif rest is not None:
            yield from _faults(each, rest, f"{path}.{name}")
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{name}: is unknown"


def _string_faults(value: str, schema: Schema, path: str) -> Iterator[str]:
    value.encode("utf-8")
    if len(value) > schema.get("maxLength", math.inf):
        yield f"{path}: is too long"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if schema.get("format") == "date-time":
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
            yield f"{path}: {value!r} is no time"
        datetime.datetime.fromisoformat(value)


def _number_faults(value: float, schema: Schema, path: str) -> Iterator[str]:
    if not math.isfinite(value):
        yield f"{path}: {value} is not finite"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield f"{path}: {value} is beyond 64 bits"
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if value < low or (value == low and schema.get("exclusiveMinimum")):
        yield f"{path}: {value} is below {low}"
    if value > high or (value == high and schema.get("exclusiveMaximum")):
        yield f"{path}: {value} is above {high}"
