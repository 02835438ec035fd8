"""The smallest merge patch between two statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) that makes `after` of `before`.

    Lists are replaced whole; a key that is gone becomes null.
    """
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, new in after.items():
        old = before.get(key)
        if old == new:
            continue
        nested = isinstance(old, Mapping) and isinstance(new, Mapping)
        patch[key] = merge_patch(old, new) if nested else new  # type: ignore[arg-type]
    return patch
