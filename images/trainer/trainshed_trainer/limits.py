"""What values a field of the spec may have. The operator's schema has the same limits."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


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


def limited(default: Any, **limits: Any) -> Any:
    """Return a field whose value has limits."""
    return dataclasses.field(default=default, metadata={"limits": Limits(**limits)})


def one_of(default: str, *others: str) -> Any:
    """Return a field whose value is one of these."""
    return dataclasses.field(default=default, metadata={"names": (default, *others)})


def broken(field: dataclasses.Field[Any], value: Any) -> str:
    """Return what a field's value must be, where it is not; None stands for no value."""
    if value is None:
        return ""
    if (names := field.metadata.get("names")) is not None:
        return "" if value in names else " or ".join(names)
    limits = field.metadata.get("limits")
    return limits.broken(value) if limits is not None else ""
