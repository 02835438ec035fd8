"""The structural schema of a pydantic model.

Pydantic speaks JSON Schema, the API server a structural subset of it: references are resolved
in place, titles and constants dropped, a nullable field becomes an optional one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

_DROPPED = frozenset({"title", "const", "additionalProperties", "propertyNames"})


def structural(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """Return the structural schema of a model."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    resolved = _convert(raw, raw.get("$defs", {}))
    assert isinstance(resolved, dict)
    return resolved


def _convert(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_convert(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    node = _resolved(_without_null(_resolved(node, definitions)), definitions)
    if node.pop("x-int-or-string", False):
        return _int_or_string(node)
    out = {
        key: _convert(value, definitions)
        for key, value in node.items()
        if key not in _DROPPED and key not in ("$defs", "properties", "default")
    }
    for bound in ("Minimum", "Maximum"):
        # JSON Schema of today has the number here, OpenAPI 3.0 a flag beside the bound.
        if (limit := out.pop(f"exclusive{bound}", None)) is not None:
            out |= {bound.lower(): limit, f"exclusive{bound}": True}
    if "default" in node and node["default"] is not None:
        out["default"] = node["default"]
    if "properties" in node:
        out["properties"] = {
            name: _convert(value, definitions) for name, value in node["properties"].items()
        }
    elif node.get("type") == "object":
        out |= _map_values(node, definitions)
    return out


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the node with its reference replaced; what stands beside it wins."""
    if "$ref" not in node:
        return dict(node)
    target = definitions[node["$ref"].rpartition("/")[2]]
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return {**_resolved(target, definitions), **beside}


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """Return `X or null` as X: an absent field is what the API server calls null."""
    kinds = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) != 1:
        return node
    return {**kinds[0], **{key: value for key, value in node.items() if key != "anyOf"}}


def _map_values(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    values = node.get("additionalProperties")
    if isinstance(values, dict) and values:
        return {"additionalProperties": _convert(values, definitions)}
    return {"x-kubernetes-preserve-unknown-fields": True}


def _int_or_string(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of what a person may write as 2 as well as "2"."""
    names = ("description", "default", "pattern", "maxLength", "minimum", "maximum")
    return {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
        "minimum": 0,
        **{key: node[key] for key in names if node.get(key) is not None},
    }
