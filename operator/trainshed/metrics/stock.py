"""Serves what the cluster has of each AcceleratorClass, as it is known when it is asked for.

A series lives while its class does; a process that only stands by knows of none.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import core, registry

from trainshed.accelerators import index, usage
from trainshed.metrics import names


class ClassCollector(registry.Collector):
    """The series of all classes."""

    def __init__(self, places: index.Index, devices: usage.Usage) -> None:
        """Read these whenever a page is made."""
        self._places = places
        self._devices = devices

    def collect(self) -> Iterator[core.Metric]:
        """Yield the three metrics, each with a series of every class that has it."""
        families = {
            each: core.GaugeMetricFamily(each.name, each.help, labels=each.labels)
            for each in (names.CLASS_NODES, names.CLASS_ALLOCATABLE, names.CLASS_IN_USE)
        }
        for name, class_ in sorted(self._places.known().items()):
            held = self._devices.of(name)
            families[names.CLASS_NODES].add_metric([name], held.nodes)
            if class_.counted:
                families[names.CLASS_ALLOCATABLE].add_metric([name], held.allocatable)
                families[names.CLASS_IN_USE].add_metric([name], held.in_use)
        yield from families.values()
