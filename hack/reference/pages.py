"""The page of one resource: a section for each object of its schema, a row for each field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hack.reference import limits

Schema = Mapping[str, Any]

_HEAD = """\
<!-- Generated from operator/trainshed/api by `python -m hack.reference`. Do not edit. -->
# {kind}

`{group}/{version}`, {scope}; {short}. {description}

kubectl refuses a field that is not here. Another client must ask for `fieldValidation=Strict`, else
the API server drops it ([ADR 11](../adr/0011-validation-lives-in-the-crd.md)). A *required* field
must be given; a default holds where the field, or the object that it is in, is absent. The rules
that stand above a table are what the API server answers when they are broken.

{rules}
"""
_COLUMNS_HEAD = """\
## Columns of kubectl

`kubectl get {short}`; with `-o wide` all of them.

| column | from | wide only |
|---|---|---|
"""


def page(crd: Schema) -> str:
    """Return the reference page of a CustomResourceDefinition."""
    names, (version,) = crd["spec"]["names"], crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    head = _HEAD.format(
        kind=names["kind"],
        scope="namespaced" if crd["spec"]["scope"] == "Namespaced" else "of the whole cluster",
        group=crd["spec"]["group"],
        version=version["name"],
        short=_short(names["shortNames"]),
        description=schema["description"],
        rules=_rules(schema),
    )
    sections = [
        section
        for part in ("spec", "status")
        for section in _sections(part, schema["properties"][part], level=2)
    ]
    columns = _columns(version["additionalPrinterColumns"], short=names["shortNames"][0])
    return "\n".join([head, *sections, columns])


def _short(names: Sequence[str]) -> str:
    return f"short name{'s' if names[1:] else ''} {' and '.join(f'`{each}`' for each in names)}"


def _sections(path: str, schema: Schema, *, level: int) -> Iterator[str]:
    text = schema.get("description", "")
    title = f"{'#' * level} {path}\n\n{text}\n"
    rules = _rules(schema)
    rows = [_row(path, name, each, schema) for name, each in schema["properties"].items()]
    head = "| field | type | default | limits | meaning |\n|---|---|---|---|---|"
    yield "\n".join([title, *([rules, ""] if rules else []), head, *rows, ""])
    for name, each in schema["properties"].items():
        inner, below = _object_in(each)
        if inner is not None:
            yield from _sections(f"{path}.{name}{below}", inner, level=3)


def _object_in(schema: Schema) -> tuple[Schema | None, str]:
    """Return the object with fields that a schema is or holds, and how a path says so."""
    if "properties" in schema:
        return schema, ""
    items = schema.get("items", {})
    return (items, "[]") if "properties" in items else (None, "")


def _row(path: str, name: str, schema: Schema, parent: Schema) -> str:
    inner, below = _object_in(schema)
    anchor = limits.anchor(f"{path}.{name}{below}")
    shown = f"[`{name}`](#{anchor})" if inner is not None else f"`{name}`"
    cells = [
        shown,
        limits.kind(schema),
        _default(name, schema, parent),
        limits.told(schema),
        " ".join(schema.get("description", "").split()),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(name: str, schema: Schema, parent: Schema) -> str:
    if name in parent.get("required", ()):
        return "*required*"
    if "default" not in schema:
        return ""
    return f"`{json.dumps(schema['default'], ensure_ascii=False)}`"


def _rules(schema: Schema) -> str:
    told = limits.messages(schema)
    return "\n".join(f"- {each}" for each in told)


def _columns(columns: Sequence[Schema], *, short: str) -> str:
    rows = [
        f"| {each['name']} | `{each['jsonPath']}` | {'yes' if each.get('priority') else ''} |"
        for each in columns
    ]
    return _COLUMNS_HEAD.format(short=short) + "\n".join(rows) + "\n"
