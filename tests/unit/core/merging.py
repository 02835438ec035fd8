"""JSON merge patch as RFC 7386 has it: what the API server does with one."""

from __future__ import annotations

from typing import Any


def apply(target: Any, patch: Any) -> Any:
    """Return what a patch makes of a target."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = apply(out.get(name), value)
    return out


def copied(document: Any) -> Any:
    """Return a copy of a JSON document: copy.deepcopy takes ten times as long."""
    if isinstance(document, dict):
        return {name: copied(each) for name, each in document.items()}
    if isinstance(document, list):
        return [copied(each) for each in document]
    return document
