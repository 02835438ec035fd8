"""The curves of a run, as an observer collects them: as many points as a chart can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainshed_trainer import run

MOST_POINTS = 400
FIRST_STRIDE = 10
"""Steps between two points: reading the loss waits for the device."""


@dataclass(slots=True)
class History:
    """An observer: the loss, the rate and the speed over steps, and what evaluations found.

    `written`: told of each point, with its name, step and value.
    """

    written: Callable[[str, int, float], None] | None = None
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _stride: int = FIRST_STRIDE
    _last: int = 0

    def stepping(self, telling: run.Run) -> None:
        """Take a point every so many steps."""
        step = telling.step
        if step == self._last or step % self._stride:
            return
        self._last = step
        self._take(telling)

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Take a point of an evaluation, and of the steps before it."""
        if telling.step != self._last:
            self._last = telling.step
            self._take(telling)
        for name, value in found.items():
            self._add(f"held-out {name}", telling.step, value)

    def finished(self, telling: run.Run) -> None:
        """Nothing to do."""

    def _take(self, telling: run.Run) -> None:
        for name, value in telling.figures().items():
            self._add(name, telling.step, value)
        if len(self.series.get("loss", ())) > MOST_POINTS:
            # Half as many, of twice as long a run.
            self._stride *= 2
            self.series |= {
                name: points[::2] if not name.startswith("held-out") else points
                for name, points in self.series.items()
            }

    def _add(self, name: str, step: int, value: float) -> None:
        if not math.isfinite(value):
            return
        self.series.setdefault(name, []).append((step, value))
        if self.written is not None:
            self.written(name, step, value)
