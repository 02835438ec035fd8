"""`image.refresh`: how old an answer from the registry may be, of what is named by a moving name.

An answer is a tag of the image. Its name tells the day on which what was ordered was looked up, so
that the image itself is the same whenever it was made, and one request finds it or does not.
"""

from __future__ import annotations

import datetime

from trainshed.api import image
from trainshed.builds import orders

Refresh = image.Refresh


def of(order: orders.Order) -> Refresh:
    """Return it for all that an order names: unasked, code that may move is each job's to look up.

    Requirements without a version are then resolved with it; those of pinned code once a day.
    """
    if order.claim is not None:
        # What is on a volume has no name by which it could be known again.
        return Refresh.ALWAYS
    return Refresh(order.refresh or (Refresh.ALWAYS if order.moving else Refresh.DAILY))


def tag(order: orders.Order, *, now: float) -> str | None:
    """Return the tag of an image that answers an order now, Unix seconds; None where none may."""
    refresh = _of_all(order)
    if order.repository:
        # It is not in the registry that is asked.
        return None
    if order.pinned or refresh is Refresh.NEVER:
        return f"o-{order.hash()}"
    return None if refresh is Refresh.ALWAYS else f"o-{order.hash()}-{_day(now)}"


def tags(order: orders.Order, *, began: float) -> tuple[str, ...]:
    """Return the tags of an image that was made of what was looked up at `began`, Unix seconds."""
    found = tag(order, now=began)
    if found is None:
        return ()
    plain = f"o-{order.hash()}"
    # Who never looks again may be answered by what another looked up.
    return (plain,) if found == plain else (plain, found)


def since(order: orders.Order, *, now: float) -> float | None:
    """Return when a build must have begun to answer; None where that is each job's own affair."""
    refresh = _of_all(order)
    if order.pinned or refresh is Refresh.NEVER:
        return 0.0
    return None if refresh is Refresh.ALWAYS else _midnight(now)


def _of_all(order: orders.Order) -> Refresh:
    """Return it for what an order gave as a whole.

    A base that is no digest is read in the pod alone, by credentials that only it has: what its tag
    means is looked up each time. So is what a Dockerfile fetches, unless the job says otherwise.
    """
    named = order.refresh != "" if order.dockerfile is not None else order.based
    return of(order) if named else Refresh.ALWAYS


def _day(now: float) -> str:
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%d")


def _midnight(now: float) -> float:
    return now - now % 86_400
