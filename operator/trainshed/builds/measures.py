"""What is measured of a build: its phases, and what was found in place of being made."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator, Mapping


class Phase(enum.StrEnum):
    """The phases of a build, in their order."""

    START = "start"
    """From the Job's creation until its pod's container runs."""
    FETCH = "fetch"
    """The code: cloned, read, unpacked."""
    INVENTORY = "inventory"
    """What packages the base has."""
    RESOLVE = "resolve"
    """Which packages are needed."""
    INSTALL = "install"
    ENGINE = "engine"
    """The steps of a Dockerfile."""
    COMPILE = "compile"
    """The code's own extensions."""
    WHEELS = "wheels"
    """Packages are chosen, and those without a wheel built, in a container of their own."""
    PACK = "pack"
    """The base's manifest is read, layers are packed."""
    PUSH = "push"


class Hit(enum.StrEnum):
    """What was found, so that it need not be made."""

    IMAGE = "image"
    """By its content key, or as what another job is just building."""
    ORDER = "order"
    """By what goes in, without a pod."""
    REQUIREMENTS = "requirements"
    """Layers of big distributions, in place of fetching, installing and packing them."""


class Stopwatch:
    """Adds up the seconds of each phase. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with none."""
        self._clock = clock
        self._seconds: dict[Phase, float] = {}

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count the body's time to a phase, whether it ends well or not."""
        began = self._clock()
        try:
            yield
        finally:
            self.add(name, self._clock() - began)

    def add(self, name: Phase, seconds: float) -> None:
        """Count time that was measured elsewhere to a phase."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    @property
    def seconds(self) -> Mapping[str, float]:
        """Return the seconds of each phase that there was."""
        return {str(name): round(took, 4) for name, took in self._seconds.items()}


def summed(*parts: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of each phase in all the parts together."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: round(sum(part.get(name, 0.0) for part in parts), 4) for name in names}
