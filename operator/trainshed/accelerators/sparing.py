"""Which nodes a job could be on, and whether it can do without some of them."""

from __future__ import annotations

from collections.abc import Iterable

from trainshed.accelerators import choices, fitting, index, reach


def possible(
    names: Iterable[str], places: index.Index, chosen: choices.Choice, need: fitting.Need
) -> list[str]:
    """Return which of some nodes could ever hold a pod: the others are out of the question."""
    rooms = _rooms(places, chosen, need)
    return [each for each in names if id(places.shape(each)) in rooms]


def left(
    without: Iterable[str], places: index.Index, chosen: choices.Choice, need: fitting.Need
) -> int:
    """Return how many pods the nodes hold that take pods now, empty and without some of them."""
    rooms = _rooms(places, chosen, need)
    sound = ((shape, held) for shape, held in places.every() if not shape.problems)
    whole = sum(held * rooms.get(id(shape), 0) for shape, held in sound)
    spared = (shape for each in without if (shape := places.shape(each)) and not shape.problems)
    return whole - sum(rooms.get(id(each), 0) for each in spared)


def _rooms(places: index.Index, chosen: choices.Choice, need: fitting.Need) -> dict[int, int]:
    """Return how many pods an empty node holds, by the identity of its shape."""
    class_ = places.known().get(chosen.class_) if chosen.class_ else reach.ANY
    if class_ is None or class_.problem:
        return {}
    rooms = {}
    for shape, _, _ in places.shapes(class_.name):
        verdict = fitting.judge(shape, class_, need, resource=chosen.resource)
        if verdict.stage is fitting.Stage.FITS:
            rooms[id(shape)] = fitting.pods(shape, verdict, need)
    return rooms
