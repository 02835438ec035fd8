"""Types and limits of a schema, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_SIZES = (
    ("Items", "entry", "entries"),
    ("Length", "character", "characters"),
    ("Properties", "key", "keys"),
)


def kind(schema: Schema) -> str:
    """Return the type of a field, as a person names it."""
    if schema.get("x-kubernetes-int-or-string"):
        # Both may be written as a number; only a quantity has units.
        return "quantity" if "Ki" in schema.get("pattern", "") else "integer or string"
    if "enum" in schema:
        return "enum"
    if schema.get("format") == "date-time":
        return "time"
    type_ = str(schema.get("type", "any"))
    if type_ == "array":
        return f"list of {kind(schema['items'])}"
    values = schema.get("additionalProperties")
    if values is not None:
        return f"map of {kind(values)}"
    if type_ == "object" and "properties" not in schema:
        return "any object"
    return type_


def told(schema: Schema) -> str:
    """Return every limit of a field, those of its entries too."""
    return "; ".join([*_limits(schema), *_of_values(schema)])


def messages(schema: Schema) -> list[str]:
    """Return what the CEL rules of a schema say when they are broken."""
    return [str(each["message"]) for each in schema.get("x-kubernetes-validations", ())]


def anchor(title: str) -> str:
    """Return the fragment by which a Markdown heading is linked to."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def _limits(schema: Schema) -> list[str]:
    # The rules of an object with fields stand above the table of its fields.
    return [*_own(schema), *([] if "properties" in schema else messages(schema))]


def _own(schema: Schema) -> Iterator[str]:
    if "enum" in schema:
        yield ", ".join(f"`{each}`" for each in schema["enum"])
    yield from _range(schema)
    for suffix, one, many in _SIZES:
        low, high = schema.get(f"min{suffix}"), schema.get(f"max{suffix}")
        if low is not None and low == high:
            yield f"exactly {low} {one if low == 1 else many}"
            continue
        if low is not None:
            yield f"at least {low} {one if low == 1 else many}"
        if high is not None:
            yield f"at most {high} {one if high == 1 else many}"
    if "pattern" in schema:
        yield f"`{schema['pattern']}`"


def _range(schema: Schema) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        yield f"{'>' if schema.get('exclusiveMinimum') else '≥'} {_number(low)}"
    if high is not None:
        yield f"{'<' if schema.get('exclusiveMaximum') else '≤'} {_number(high)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _of_values(schema: Schema) -> Iterator[str]:
    values = schema.get("items") or schema.get("additionalProperties")
    if isinstance(values, Mapping) and "properties" not in values and (inner := _limits(values)):
        yield f"each: {', '.join(inner)}"
