"""Which of several classes that can hold a job is taken."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.accelerators import choices
from trainshed.core import observed, pricing


def first(judged: Sequence[choices.Choice], seen: observed.Observation) -> choices.Choice:
    """Return the one with free devices, then the one of a known product, then the cheapest."""
    mixed = seen.places is not None and len(pricing.currencies(seen.places)) > 1
    return min(judged, key=lambda each: _rank(each, seen, mixed=mixed))


def _rank(
    chosen: choices.Choice, seen: observed.Observation, *, mixed: bool
) -> tuple[bool, bool, float, str]:
    """Order choices. `mixed`: prices are in several currencies, and tell nothing."""
    generic = not (chosen.labels or chosen.alternatives)
    price = chosen.spec.price if chosen.spec is not None and not mixed else None
    busy = seen.devices is not None and seen.devices.of(chosen.class_).free < max(1, chosen.count)
    return busy, generic, price.hourly if price is not None else 0.0, chosen.class_
