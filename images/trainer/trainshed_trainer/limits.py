"""What values a field of the spec may have. The operator's schema has the same limits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a number, or of each number in a list; `entries`: how long the list is."""

    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf
    below: float = math.inf
    entries: int | None = None

    def broken(self, value: Any) -> str:
        """Return what a value must be, where it is not."""
        if isinstance(value, tuple):
            if not value or self.entries not in (None, len(value)):
                return f"a list of {self.entries or 'some'} numbers"
            return next((said for said in map(self.broken, value) if said), "")
        # Written so that NaN is never within.
        within = self.at_least <= value <= self.at_most and self.above < value < self.below
        return "" if within else self._said()

    def _said(self) -> str:
        parts = {
            "at least": self.at_least,
            "more than": self.above,
            "at most": self.at_most,
            "less than": self.below,
        }
        return " and ".join(
            f"{word} {limit:g}" for word, limit in parts.items() if abs(limit) < math.inf
        )


def limited(default: Any = dataclasses.MISSING, **limits: Any) -> Any:
    """Return a field whose value has limits; without a default it must be given."""
    return dataclasses.field(default=default, metadata={"limits": Limits(**limits)})


def one_of(default: str, *others: str) -> Any:
    """Return a field whose value is one of these."""
    return dataclasses.field(default=default, metadata={"names": (default, *others)})


def maybe_one_of(*names: str) -> Any:
    """Return a field whose value is one of these, or None."""
    return dataclasses.field(default=None, metadata={"names": names})


def some_of(*names: str) -> Any:
    """Return a field whose value is a list of some of these, each once at most."""
    return dataclasses.field(default=(), metadata={"some": names})


def text(default: Any = dataclasses.MISSING) -> Any:
    """Return a field whose value is a text that is not empty."""
    return dataclasses.field(default=default, metadata={"text": True})


def by(name: str, kinds: Mapping[str, type]) -> Mapping[str, Any]:
    """Return the metadata of a field whose type hangs on the value of a field before it."""
    return {"by": name, "kinds": kinds}


def kind_of(field: dataclasses.Field[Any], values: Mapping[str, Any]) -> type | None:
    """Return the type of a field by the values before it; None where it hangs on none."""
    if (name := field.metadata.get("by")) is None:
        return None
    kinds: Mapping[str, type] = field.metadata["kinds"]
    return kinds.get(values.get(name, next(iter(kinds))))


def required(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def broken(field: dataclasses.Field[Any], value: Any) -> str:
    """Return what a field's value must be, where it is not; None stands for no value."""
    if value is None:
        return ""
    if (names := field.metadata.get("names")) is not None:
        return "" if value in names else " or ".join(names)
    if (names := field.metadata.get("some")) is not None:
        sound = set(value) <= set(names) and len(set(value)) == len(value)
        return "" if sound else f"a list of {', '.join(names)}, each once at most"
    if "text" in field.metadata:
        return "" if value.strip() else "a text that is not empty"
    limits = field.metadata.get("limits")
    return limits.broken(value) if limits is not None else ""
