"""A trace of some steps, by the framework's own profiler."""

from __future__ import annotations

import importlib
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from trainshed_trainer import run, schema

FOLDER = "traces"
End = Callable[[], None]


class Tracer(Protocol):
    """A framework's profiler: a module."""

    @property
    def FAILURES(self) -> tuple[type[Exception], ...]:
        """What its profiler raises where it can't trace, or can't write."""

    def begin(self, folder: pathlib.Path) -> End:
        """Begin a trace; return what ends it and writes it into a folder."""


class Profile:
    """An observer that traces steps from the one asked for on.

    A run that goes on after that step traces its own first ones.
    """

    def __init__(self, asked: schema.Profile, *, folder: str, tracer: Callable[[], Tracer]) -> None:
        self._asked = asked
        self._root = pathlib.Path(folder)
        self._tracer = tracer
        self._began = 0
        self._folder = self._root
        self._end: End | None = None
        self._done = False

    def stepping(self, telling: run.Run) -> None:
        """Begin before the first of the steps, and end after the last of them."""
        if self._done:
            return
        if self._end is None:
            if telling.step >= self._asked.at_step:
                self._begin(telling)
        elif telling.step >= self._began + self._asked.steps:
            self._finish(telling)

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Nothing to do."""

    def finished(self, telling: run.Run) -> None:
        """End with the run."""
        if self._end is not None:
            self._finish(telling)
        elif not self._done:
            self._give_up(
                f"the run ended after {telling.step} steps: set visualization.profile.atStep lower",
                telling,
            )

    def close(self) -> None:
        """End a trace that the run was stopped in."""
        if self._end is not None:
            self._written(None)

    def _begin(self, telling: run.Run) -> None:
        self._began = telling.step
        self._folder = self._root / FOLDER / f"step-{telling.step}"
        tracer = self._tracer()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._end = tracer.begin(self._folder)
        except tracer.FAILURES as error:
            self._give_up(str(error), telling)

    def _finish(self, telling: run.Run) -> None:
        # Reads the loss, and so waits for the device: what it still does belongs to the steps.
        telling.figures()
        if not self._written(telling):
            return
        files = sorted(each for each in self._folder.rglob("*") if each.is_file())
        paths = [str(each.relative_to(self._root)) for each in files]
        telling.record(traces=paths)
        size = sum(each.stat().st_size for each in files) / 1e6
        last = min(telling.step, self._began + self._asked.steps)
        print(  # noqa: T201
            f"trainshed: traced steps {self._began} to {last}: {size:.1f} MB in {paths[0]}",
            file=sys.stderr,
        )

    def _written(self, telling: run.Run | None) -> bool:
        assert self._end is not None
        end, self._end, self._done = self._end, None, True
        try:
            end()
        except self._tracer().FAILURES as error:
            self._give_up(str(error), telling)
            return False
        return True

    def _give_up(self, why: str, telling: run.Run | None) -> None:
        # A run is as good without a trace.
        self._done = True
        words = f"ProfileFailed: no trace: {why:.300}"
        print(f"trainshed: {words}", file=sys.stderr)  # noqa: T201
        if telling is not None:  # else it is over, and its account is written
            telling.warn(words)


def tracer_of(framework: str) -> Tracer:
    """Return the profiler of a framework."""
    found = importlib.import_module(f"trainshed_trainer.tracing.{framework}")
    return cast(Tracer, found)
