"""A bench for single passes: a world, an operator, and what happens around its writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests import builders
from tests.unit.runtime import process as processes
from tests.unit.runtime import world as worlds
from trainshed.runtime import intake

Kind = intake.Kind
PASSES = 50


class Bench:
    """A world with one job, and an operator that takes its events when it is told to."""

    def __init__(self, *, fate: worlds.Fate | None = None, seconds: float = 0.0) -> None:
        clock = asyncio.get_running_loop().time
        start = clock()
        self.world = worlds.World(
            clock=lambda: builders.T0 + clock() - start, fate=fate or worlds.Fate()
        )
        self.happens: list[Callable[[], None]] = []
        self.maker = processes.Maker(seconds=seconds)
        self.process = processes.Process(self.world, self.maker, self._between)

    def _between(self, when: str) -> None:
        if when == "after" and self.happens:
            self.happens.pop(0)()

    def takes_all(self) -> None:
        """Take every event that waits."""
        for kind in Kind:
            while self.world.events[kind]:
                self.process.deliver(kind)

    async def passes(self) -> None:
        """Run passes until none is asked for; one that asks for itself for ever is an error."""
        for _ in range(PASSES):
            if not self.process.ready:
                return
            await self.process.run_pass()
        raise AssertionError(f"{PASSES} passes, and another is asked for")

    async def applied(self, job: builders.TrainingJobBuilder | None = None) -> str:
        """Apply a job and let the operator create its child."""
        uid = self.world.apply(job or builders.training_job().cnn())
        self.takes_all()
        await self.passes()
        return uid
