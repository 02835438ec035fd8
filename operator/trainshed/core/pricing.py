"""What accelerators cost: whether prices can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainshed.accelerators import index


def currencies(places: index.Index) -> Mapping[str, Sequence[str]]:
    """Return the currencies in which sound classes have a price, and the names of those."""
    found: dict[str, list[str]] = {}
    for name, class_ in sorted(places.known().items()):
        price = class_.spec.price if class_.spec is not None and not class_.problem else None
        if price is not None:
            found.setdefault(price.currency, []).append(name)
    return dict(sorted(found.items()))
