"""What accelerators cost: whether prices can be compared, and what a job has come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainshed.accelerators import index
from trainshed.api import accelerator_class, status
from trainshed.core import draft as drafts
from trainshed.core import gangs, observed, spending, times

HOUR = 3600.0


def currencies(places: index.Index) -> Mapping[str, Sequence[str]]:
    """Return the currencies in which sound classes have a price, and the names of those."""
    found: dict[str, list[str]] = {}
    for name, class_ in sorted(places.known().items()):
        price = class_.spec.price if class_.spec is not None and not class_.problem else None
        if price is not None:
            found.setdefault(price.currency, []).append(name)
    return dict(sorted(found.items()))


def cost(draft: drafts.Draft, seen: observed.Observation, *, ended: float) -> status.Cost | None:
    """Return what a job has come to at its end; None without a price, or where it never began."""
    placed = draft.fields.get("placement") or draft.before.placement
    price = _price(seen.places, placed.class_) if placed is not None else None
    seconds = _pod_seconds(draft, seen, ended=ended)
    if price is None or seconds is None:
        return None
    attempts = draft.fields.get("attempts") or draft.before.attempts or status.Attempts(current=1)
    spent = seconds * spending.devices(placed) + (attempts.earlier_device_seconds or 0.0)
    return status.Cost(
        amount=round(price.hourly * spent / HOUR, 6),
        currency=price.currency,
        at_least=attempts.earlier_unseen,
    )


def _price(places: index.Index | None, class_: str | None) -> accelerator_class.Price | None:
    known = places.known().get(class_ or "") if places is not None else None
    return known.spec.price if known is not None and known.spec is not None else None


def _pod_seconds(draft: drafts.Draft, seen: observed.Observation, *, ended: float) -> float | None:
    """Return for how long all pods had their devices, from the start of training."""
    began = times.parse(draft.fields.get("start_time") or draft.before.start_time)
    workload = seen.workload
    if began is None or workload is None:
        return None
    wall = max(0.0, ended - began)
    if not workload.folds:
        return spending.abreast(workload) * wall
    gang = gangs.of(seen)
    spans = [
        (each.container.finished or ended) - each.container.started
        for each in gang.pods
        if each.container.started is not None
    ]
    # Of pods that are gone nobody knows for how long they ran: then so many at a time as may be.
    known = len(spans) == gang.size
    return sum(spans) if known else spending.abreast(workload) * wall
