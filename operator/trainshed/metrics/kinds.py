"""What a metric is: its name, type, labels, and who exports it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """The types of the text format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


class Origin(enum.StrEnum):
    """Who exports a metric."""

    TRAINER = "trainer"
    JOB = "job"
    CONTROLLER = "controller"


COMMON: Mapping[Origin, tuple[str, ...]] = {
    Origin.TRAINER: ("trainingjob", "rank", "fold"),
    Origin.JOB: ("namespace", "trainingjob"),
    Origin.CONTROLLER: (),
}
"""Labels of every metric of an origin; only the series of a cross-validation have a fold."""
TARGET = ("namespace", "pod", "node", "job", "instance")
"""Labels that the scrape adds: a trainer's namespace is its target's."""
SUFFIXES: Mapping[Kind, tuple[str, ...]] = {
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric, named as it is exported. Its own labels come after those of its origin.

    Compared by identity: there is one object for each, and it keys the lines of a page.
    """

    name: str
    origin: Origin
    kind: Kind
    help: str
    own: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Return all labels of a series."""
        return COMMON[self.origin] + self.own

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names by which a query may ask for it."""
        return tuple(self.name + each for each in SUFFIXES.get(self.kind, ("",)))
